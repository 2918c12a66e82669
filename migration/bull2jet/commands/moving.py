"""One queue's way to the target: freeze, wait for active jobs, carry, compare, release."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace

from bull2jet.commands.selecting import line_for
from bull2jet.commands.tallying import fill_carried, fill_comparison
from bull2jet.errors import NotGoError
from bull2jet.findings import Findings, Severity
from bull2jet.model import QueueRef, State
from bull2jet.options import ActivePolicy, Options
from bull2jet.progress import Progress
from bull2jet.report.lines import QueueLine, StateLine
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.lease import Lease, held_lease
from bull2jet.source.remaining import remaining, taken
from bull2jet.source.schedulers import read_schedulers
from bull2jet.source.settings import read_settings
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.belonging import mark, require_known, require_no_step_back
from bull2jet.transfer.carry import Carrier, Limits
from bull2jet.transfer.checkpoint import Checkpoint, Phase, load, require, save
from bull2jet.transfer.draining import look, refuse_active, settle_active, still_active
from bull2jet.transfer.mapping import Mapper
from bull2jet.transfer.queue_wide import (
    carry_deduplication,
    carry_schedulers,
    carry_settings,
    mapper_for,
)
from bull2jet.transfer.sweeping import Sweeper
from bull2jet.transfer.verify import Verifier
from bull2jet.transfer.verify_rules import RuleCheck

_CARRIED = (Phase.LIVE, Phase.FINAL)
_LOOKS = 5  # at the rules, while an old producer changes them


@dataclass(slots=True)
class Move:
    """The migration of one queue, from wherever it stands."""

    door: Door
    found: QueueFound
    target: TargetQueue
    #: the keys of deduplication ids
    index: KeyIndex
    options: Options
    findings: Findings
    progress: Progress
    #: keys of all queues that are moved
    together: frozenset[str]
    #: a child that ran before its parent's queue has arrived would not be counted
    has_flows: bool = False
    #: what the last comparison found
    compared: Findings = field(default_factory=Findings)
    _early: dict[State, int] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _complete: bool = False

    @property
    def queue(self) -> QueueRef:
        """The queue that is moved."""
        return self.found.queue

    async def move(self) -> QueueLine:
        """Freezes, carries and compares; the report line."""
        checkpoint = await load(self.target)
        await require_known(self.door, self.queue, checkpoint)
        if checkpoint.phase in (Phase.COPYING, Phase.LIVE):
            self.found = checkpoint.recognised(self.found)
        line = await line_for(self.door, self.found, checkpoint)
        if checkpoint.phase in _CARRIED:
            return await self._catch_up(line, checkpoint)
        require(checkpoint, self.queue.key, {Phase.NEW, Phase.COPYING, Phase.RETURNED}, "run")
        resumed = checkpoint.phase is Phase.COPYING
        if self.options.active is ActivePolicy.REFUSE and not resumed:
            await refuse_active(self.door, self.queue)
        async with held_lease(self.door, self.queue, "run") as lease:
            handover = Handover(self.door, self.found, lease)
            checkpoint, mapper = await self._open(checkpoint, handover)
            self._began = time.monotonic()
            carrier = await self._carry(handover, mapper)
            self._complete = carrier.complete
            await self._compare_and_conclude(handover, checkpoint, line)
        self.has_flows = carrier.has_flows or resumed  # an earlier run may have carried some
        fill_carried(line, carrier)
        return line

    async def compare_again(self, line: QueueLine) -> None:
        """Compares a queue once more that differed while old workers were busy with others.

        A child that they have finished there meanwhile is told to its parent in Redis at once, and
        to the copy when the child's own queue is carried.
        """
        for state in line.states.values():
            state.different = state.missing = state.in_order = None
        async with held_lease(self.door, self.queue, "run") as lease:
            handover = Handover(self.door, self.found, lease)
            await self._compare_and_conclude(handover, await load(self.target), line)

    async def release(self) -> None:
        """Lets the target's workers go, if everything was carried and is equal."""
        checkpoint = await load(self.target)
        if checkpoint.phase is Phase.LIVE and not checkpoint.released:
            paused = checkpoint.was_paused or checkpoint.target_was_paused
            checkpoint = replace(
                checkpoint,
                stored_until=await self.target.position(),
                logged_until=await self.target.log_position(),
            )
            position = await self.target.announce(paused)
            await self.target.set_paused(paused)
            await save(self.target, checkpoint, released=True, events_from=position)

    async def _catch_up(self, line: QueueLine, checkpoint: Checkpoint) -> QueueLine:
        """Carries what has come to Redis, or was still active, since the queue went live."""
        self.has_flows = not checkpoint.released
        async with held_lease(self.door, self.queue, "run") as lease:
            sweeper = await self._sweeper(checkpoint, lease)
            await sweeper.sweep()
        line.phase = checkpoint.phase
        for state, number in (Counter(self._early) + Counter(sweeper.carried)).items():
            line.states[state.value] = StateLine(count=number, carried=number)
        await self._name_left(line)
        return line

    async def carry_parents(self) -> None:
        """Carries parents that came late, before any queue's late children.

        Late may be after the end: the next `finalize` compares and removes what comes then.
        """
        checkpoint = await load(self.target)
        if checkpoint.phase not in _CARRIED:
            return
        await require_known(self.door, self.queue, checkpoint)
        await require_no_step_back(self.door, self.queue, checkpoint)
        if checkpoint.phase is Phase.FINAL and not checkpoint.late:
            await self._require_removed()
        async with held_lease(self.door, self.queue, "run") as lease:
            sweeper = await self._sweeper(checkpoint, lease)
            if checkpoint.phase is Phase.FINAL:
                await save(self.target, checkpoint, late=True)
                await sweeper.handover.freeze()
            await sweeper.sweep_parents()
            self._early = sweeper.carried

    async def _require_removed(self) -> None:
        """`NotGoError` while Redis lists what was carried before the end: it goes first."""
        if await taken(self.door, self.found):
            raise NotGoError(
                f"The removal of the queue {self.queue.key} from Redis was broken off; finish that "
                "with `bull2jet finalize`, then run the command again."
            )

    async def _sweeper(self, checkpoint: Checkpoint, lease: Lease) -> Sweeper:
        return Sweeper(
            self.door,
            self.found,
            self.target,
            Handover(self.door, self.found, lease),
            await mapper_for(self.door, self.queue, checkpoint),
            self.findings,
            checkpoint.oldest_finished,
            self.together,
        )

    async def _name_left(self, line: QueueLine) -> None:
        """What still stands in Redis after everything that could be carried was."""
        for state, number in (await remaining(self.door, self.found)).items():
            entry = line.states.setdefault(state.value, StateLine())
            entry.left = number
            entry.count += number
        schedules = await read_schedulers(self.door, self.queue)
        self.findings.extend(f for f in schedules.findings if f.severity is Severity.LEFT)
        for job_id in sorted((await look(self.door, self.queue)).held):
            self.findings.add(still_active(self.queue, job_id))

    async def _open(self, checkpoint: Checkpoint, handover: Handover) -> tuple[Checkpoint, Mapper]:
        """Holds the target's workers back and stops the old ones."""
        if checkpoint.phase is not Phase.COPYING:
            await self.target.keep_room()
            before = await read_settings(self.door, self.queue)
            target_before = await self.target.settings()
            checkpoint = await save(
                self.target,
                checkpoint,
                phase=Phase.COPYING,
                began=int(time.time() * 1000),
                was_paused=before.paused,
                target_was_paused=target_before.paused,
                timezone=self.options.timezone,
                history=self.options.history,
                library=self.found.generation,
                source=str(self.door.address),
                mark=await mark(handover, self.found.generation, before.paused),
                verified=None,
                released=False,
                stored_until=0,
                logged_until=0,
                events_from=0,
            )
        await self.target.set_paused(True)
        await handover.freeze()
        mapper = await mapper_for(self.door, self.queue, checkpoint)
        return await save(self.target, checkpoint, schedulers=mapper.ids), mapper

    async def _carry(self, handover: Handover, mapper: Mapper) -> Carrier:
        options = self.options
        await settle_active(
            self.door, self.found, options.active, options.wait_active, self.progress
        )
        await carry_settings(self.door, self.queue, self.target, self.findings)
        await carry_schedulers(
            self.door, self.queue, self.target, handover, mapper, self.findings, live=False
        )
        limits = Limits(options.states, options.history, options.limit)
        carrier = Carrier(
            self.door, self.found, self.target, handover, mapper, self.findings, self.progress,
            limits,
        )  # fmt: skip
        await carrier.carry()
        await carry_deduplication(self.door, self.queue, self.index, self.target, self.findings)
        return carrier

    async def _compare_and_conclude(
        self, handover: Handover, checkpoint: Checkpoint, line: QueueLine
    ) -> None:
        verifier, rules = await self._compare(handover, checkpoint, line)
        complete = self._complete and not line.differing
        checkpoint = replace(checkpoint, counter=rules.counter)
        line.phase = (await self._conclude(checkpoint, verifier, complete)).phase
        line.pause_measured = round(time.monotonic() - self._began, 1)

    async def _compare(
        self, handover: Handover, checkpoint: Checkpoint, line: QueueLine
    ) -> tuple[Verifier, RuleCheck]:
        mapper = await mapper_for(self.door, self.queue, checkpoint)
        self.compared = Findings()
        verifier = Verifier(
            self.door, self.found, self.target, mapper, self.compared, self.progress
        )
        await verifier.verify()
        fill_comparison(line, verifier)
        rules = await self._compare_rules(handover, mapper)
        line.rules_different = rules.wrong
        return verifier, rules

    async def _compare_rules(self, handover: Handover, mapper: Mapper) -> RuleCheck:
        """How the rules compare; what an old producer has set meanwhile is carried first."""
        door, queue, target = self.door, self.queue, self.target
        for looked in range(_LOOKS):
            told, again = Findings(), Findings()
            counter = await carry_settings(door, queue, target, again)
            await carry_schedulers(door, queue, target, handover, mapper, again, live=False)
            if looked:
                await carry_deduplication(door, queue, self.index, target, again)
            rules = RuleCheck(
                door, queue, target, mapper, self.index, told, live=False, counter=counter
            )
            await rules.check()
            if not rules.wrong:
                break
        self.compared.extend(told)
        return rules

    async def _conclude(
        self, checkpoint: Checkpoint, verifier: Verifier, complete: bool
    ) -> Checkpoint:
        """Notes that the queue is carried, if everything was and is equal."""
        carried = {state.value: c.source.count for state, c in verifier.states.items()}
        if not complete:
            return await save(self.target, checkpoint, carried=carried)
        return await save(
            self.target,
            checkpoint,
            phase=Phase.LIVE,
            carried=carried,
            verified=verifier.certificate(),
            pause=round(time.monotonic() - self._began, 1),
        )


__all__ = ["Move"]
