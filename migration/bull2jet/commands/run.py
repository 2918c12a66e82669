"""`bull2jet run`: carries the chosen queues, compares both sides, lets the target's workers go."""

from __future__ import annotations

from bull2jet.commands.moving import Move
from bull2jet.commands.opening import nats_of, redis_of
from bull2jet.commands.plan import Planner
from bull2jet.commands.reporting import begin, command_line, finish, judge, note_server
from bull2jet.commands.selecting import (
    Selection,
    key_index,
    refuse_final,
    select,
    stop_if_needed,
)
from bull2jet.errors import NotGoError
from bull2jet.findings import Findings
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.formats import counted
from bull2jet.report.lines import Report, StateLine, Verdict
from bull2jet.source.door import Door
from bull2jet.source.key_index import DEDUPLICATION, KeyIndex
from bull2jet.source.probing import require_rights
from bull2jet.source.server import read_server
from bull2jet.target.protocol import Target
from bull2jet.transfer.bridge import Bridge
from bull2jet.transfer.checkpoint import Phase
from bull2jet.transfer.flows import FlowCheck


async def run(options: Options, progress: Progress) -> Report:
    """Carries the chosen queues."""
    report = begin("run", options, with_target=True)
    findings = Findings()
    async with redis_of(options, writable=True) as door, nats_of(options) as target:
        await _run(door, target, options, progress, report, findings)
    finish(report, findings)
    report.verdict = judge(findings)
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
    selection = await select(door, options, findings, target)
    refuse_final(selection, "run")
    stop_if_needed(findings)
    index = key_index(door, selection, DEDUPLICATION)
    if (selection.partial or options.prefixes) and not options.partial_flows:
        await _refuse_torn_flows(door, selection, index, options, progress, target.limit)
    await require_rights(door, [found.queue for found in selection.chosen])
    together = frozenset(found.queue.key for found in selection.chosen)
    moves = [
        Move(
            door,
            found,
            await target.queue(found.queue),
            index,
            options,
            findings,
            progress,
            together,
        )
        for found in selection.chosen
    ]
    for move in moves:
        await move.carry_parents()
    for move in moves:
        report.queues.append(await move.move())
        if not move.has_flows:
            await move.release()
    for move, line in zip(moves, report.queues, strict=True):
        if line.differing and len(moves) > 1:
            await move.compare_again(line)
        findings.extend(move.compared)
    for move in moves:
        await move.release()
    if options.follow:
        live = {line.queue for line in report.queues if line.phase in (Phase.LIVE, Phase.FINAL)}
        arrived = [found for found in selection.chosen if found.queue.key in live]
        bridge = Bridge(door, target, arrived, findings, progress)
        await bridge.run(options.follow_for)
        _add_bridged(report, bridge)


def _add_bridged(report: Report, bridge: Bridge) -> None:
    """What came over the bridge counts as carried too."""
    lines = {line.queue: line for line in report.queues}
    for queue, counts in bridge.carried.items():
        for state, number in counts.items():
            entry = lines[queue.key].states.setdefault(state.value, StateLine())
            entry.count += number
            entry.carried = (entry.carried or 0) + number


async def _refuse_torn_flows(
    door: Door,
    selection: Selection,
    index: KeyIndex,
    options: Options,
    progress: Progress,
    limit: int,
) -> None:
    """Reads the chosen queues once, before anything is changed."""
    flows = FlowCheck([found.queue for found in selection.chosen], selection.known)
    for found in selection.chosen:
        await Planner(door, found, index, options, Findings(), progress, flows, limit).plan()
    torn = Findings()
    torn.extend(await flows.findings(door, allowed=False))
    stop_if_needed(torn)


def _conclude(report: Report, options: Options) -> None:
    lines = [line for queue in report.queues for line in queue.states.values()]
    carried = sum((line.carried or 0) + (line.already or 0) for line in lines)
    left = sum(line.left or 0 for line in lines)
    report.summary = f"{counted(carried, 'job')} carried, {left:,} left in Redis."
    over = all(queue.phase == Phase.FINAL for queue in report.queues)
    if left and not carried:  # once more would not help, unless a worker lets go
        over = all(finding.code != "still-active" for finding in report.findings)
    report.next = command_line("finalize" if over else "verify", options)
    held = [queue.queue for queue in report.queues if queue.phase == Phase.COPYING]
    if report.differing:
        report.verdict = Verdict.DIFFERENT
        report.summary += (
            f" The sides differ in {counted(report.differing, 'point')}; the workers of "
            f"{', '.join(held)} are held back on both."
        )
    elif held:
        report.verdict = Verdict.LEFT
        report.summary += f" {', '.join(held)} not finished: its workers are held back on both."
        report.next = command_line("run", options.model_copy(update={"limit": None, "states": ()}))
    elif left:
        report.verdict = Verdict.LEFT


__all__ = ["run"]
