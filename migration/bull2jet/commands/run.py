"""`bull2jet run`: freeze, wait for the active, carry, compare, let the target's workers go."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bull2jet.commands.plan import Planner
from bull2jet.commands.reporting import begin, command_line, finish, judge, note_server
from bull2jet.commands.selecting import Selection, line_for, select, stop_if_needed
from bull2jet.commands.tallying import fill_carried, fill_comparison
from bull2jet.errors import NotGoError
from bull2jet.findings import Findings, Severity
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.lines import QueueLine, Report, StateLine, Verdict
from bull2jet.source.address import parse
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door, open_door
from bull2jet.source.handover import Handover
from bull2jet.source.lease import held_lease
from bull2jet.source.server import read_server
from bull2jet.source.settings import read_settings
from bull2jet.target.jetstream import open_target
from bull2jet.target.protocol import Target, TargetQueue
from bull2jet.transfer.carry import Carrier, Limits
from bull2jet.transfer.checkpoint import Checkpoint, Phase, load, require, save
from bull2jet.transfer.draining import settle_active
from bull2jet.transfer.flows import FlowCheck
from bull2jet.transfer.follow import Bridge, Sweeper
from bull2jet.transfer.furniture import (
    carry_deduplication,
    carry_schedulers,
    carry_settings,
    mapper_for,
)
from bull2jet.transfer.verify import Verifier


async def run(options: Options, progress: Progress) -> Report:
    """Carries the chosen queues."""
    report = begin("run", options, with_target=True)
    findings = Findings()
    door = await open_door(parse(options.redis), writable=True)
    try:
        door.pace.limit = door.pace.size = options.batch
        door.pace.rate = options.rate
        target = await open_target(options.to)
        try:
            await _run(door, target, options, progress, report, findings)
        finally:
            await target.close()
    finally:
        await door.close()
    finish(report, findings)
    report.verdict = judge(findings)
    if findings.counts[(Severity.LEFT, "different")] or findings.counts[(Severity.LEFT, "missing")]:
        report.verdict = Verdict.DIFFERENT
    _conclude(report, options)
    return report


async def _run(
    door: Door,
    target: Target,
    options: Options,
    progress: Progress,
    report: Report,
    findings: Findings,
) -> None:
    facts, problems = await read_server(door)
    note_server(report, facts)
    if facts.role == "slave":
        raise NotGoError(f"{door.address} is a replica; give the primary's address.")
    findings.extend(problems)
    selection = await select(door, options, findings)
    stop_if_needed(findings)
    if selection.partial and not options.partial_flows:
        await _refuse_torn_flows(door, selection, options, progress, target.limit)
    held: list[Move] = []
    for found in selection.chosen:
        queue = await target.queue(found.queue)
        move = Move(door, found, queue, options, findings, progress)
        report.queues.append(await move.move())
        if move.has_flows:  # a child that ran before its parent has arrived would not be counted
            held.append(move)
        else:
            await move.release()
    for move in held:
        await move.release()
    if options.follow:
        await Bridge(door, target, selection.chosen, findings, progress).run(options.follow_for)


async def _refuse_torn_flows(
    door: Door, selection: Selection, options: Options, progress: Progress, limit: int
) -> None:
    """Reads the chosen queues once, before anything is changed."""
    flows = FlowCheck([found.queue for found in selection.chosen], selection.known)
    for found in selection.chosen:
        await Planner(door, found, options, Findings(), progress, flows, limit).plan()
    torn = Findings()
    torn.extend(flows.findings(allowed=False))
    stop_if_needed(torn)


def _conclude(report: Report, options: Options) -> None:
    lines = [line for queue in report.queues for line in queue.states.values()]
    carried = sum((line.carried or 0) + (line.already or 0) for line in lines)
    left = sum(line.left or 0 for line in lines)
    if report.verdict is Verdict.DIFFERENT:
        report.summary = "The two sides differ; the target's workers are still held back."
        report.next = command_line("verify", options)
        return
    held = [queue.queue for queue in report.queues if queue.phase == Phase.COPYING]
    report.summary = f"{carried:,} jobs were carried and compared, {left:,} stay in Redis."
    if held:
        report.verdict = Verdict.LEFT
        report.summary += f" Not finished: {', '.join(held)}; its workers are held back."
        report.next = command_line("run", options)
    else:
        report.next = command_line("verify", options)


@dataclass(slots=True)
class Move:
    """The migration of one queue, from wherever it stands."""

    door: Door
    found: QueueFound
    target: TargetQueue
    options: Options
    findings: Findings
    progress: Progress
    has_flows: bool = False

    @property
    def queue(self) -> QueueRef:
        return self.found.queue

    async def move(self) -> QueueLine:
        """Freezes, carries and compares; the report line."""
        line = await line_for(self.door, self.found)
        checkpoint = await load(self.target)
        if checkpoint.phase is Phase.LIVE:
            return await self._catch_up(line, checkpoint)
        require(checkpoint, self.queue.key, {Phase.NEW, Phase.COPYING, Phase.RETURNED}, "run")
        async with held_lease(self.door, self.queue, "run") as lease:
            handover = Handover(self.door, self.found, lease)
            checkpoint = await self._open(checkpoint, handover)
            began = time.monotonic()
            carrier = await self._carry(handover, checkpoint)
            verifier = await self._compare(checkpoint)
            checkpoint = await self._conclude(checkpoint, carrier, verifier, began)
        line.phase = checkpoint.phase
        line.pause_measured = round(time.monotonic() - began, 1)
        fill_carried(line, carrier)
        fill_comparison(line, verifier)
        return line

    async def release(self) -> None:
        """Lets the target's workers go, if everything was carried and is equal."""
        checkpoint = await load(self.target)
        if checkpoint.phase is Phase.LIVE and not checkpoint.released:
            await self.target.set_paused(checkpoint.was_paused or checkpoint.target_was_paused)
            await save(self.target, checkpoint, released=True)

    async def _catch_up(self, line: QueueLine, checkpoint: Checkpoint) -> QueueLine:
        """Carries what has come to Redis, or was still active, since the queue went live."""
        async with held_lease(self.door, self.queue, "run") as lease:
            sweeper = Sweeper(
                self.door,
                self.found,
                self.target,
                Handover(self.door, self.found, lease),
                await mapper_for(self.door, self.queue, checkpoint),
                self.findings,
            )
            await sweeper.sweep()
        line.phase = checkpoint.phase
        for state, number in sweeper.carried.items():
            line.states[state.value] = StateLine(count=number, carried=number)
        return line

    async def _open(self, checkpoint: Checkpoint, handover: Handover) -> Checkpoint:
        """Holds the target's workers back and stops the old ones."""
        if checkpoint.phase is not Phase.COPYING:
            before = await read_settings(self.door, self.queue)
            target_before = await self.target.settings()
            checkpoint = await save(
                self.target,
                checkpoint,
                phase=Phase.COPYING,
                was_paused=before.paused,
                target_was_paused=target_before.paused,
                timezone=self.options.timezone,
                source=str(self.door.address),
                verified=None,
                released=False,
            )
        await self.target.set_paused(True)
        await handover.freeze()
        mapper = await mapper_for(self.door, self.queue, checkpoint)
        return await save(self.target, checkpoint, schedulers=mapper.ids)

    async def _carry(self, handover: Handover, checkpoint: Checkpoint) -> Carrier:
        options = self.options
        await settle_active(
            self.door, self.queue, options.active, options.wait_active, self.progress
        )
        mapper = await mapper_for(self.door, self.queue, checkpoint)
        await carry_settings(self.door, self.queue, self.target, self.findings)
        await carry_schedulers(self.door, self.queue, self.target, handover, mapper, self.findings)
        limits = Limits(options.states, options.history, options.limit)
        carrier = Carrier(
            self.door, self.found, self.target, handover, mapper, self.findings, self.progress,
            limits,
        )  # fmt: skip
        await carrier.carry()
        await carry_deduplication(self.door, self.queue, self.target, self.findings)
        self.has_flows = carrier.has_flows
        return carrier

    async def _compare(self, checkpoint: Checkpoint) -> Verifier:
        mapper = await mapper_for(self.door, self.queue, checkpoint)
        verifier = Verifier(
            self.door, self.found, self.target, mapper, self.findings, self.progress
        )
        await verifier.verify()
        return verifier

    async def _conclude(
        self, checkpoint: Checkpoint, carrier: Carrier, verifier: Verifier, began: float
    ) -> Checkpoint:
        """Notes that the queue is carried, if everything was and is equal."""
        carried = {state.value: c.source.count for state, c in verifier.states.items()}
        if not (verifier.clean and carrier.complete):
            return await save(self.target, checkpoint, carried=carried)
        return await save(
            self.target,
            checkpoint,
            phase=Phase.LIVE,
            carried=carried,
            verified=verifier.certificate(),
            pause=round(time.monotonic() - began, 1),
        )


__all__ = ["Move", "run"]
