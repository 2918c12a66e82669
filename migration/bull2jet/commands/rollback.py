"""`bull2jet rollback`: everything back to Redis, also what was added on the target since."""

from __future__ import annotations

from dataclasses import replace

from bull2jet.commands.asking import confirm
from bull2jet.commands.opening import nats_of, redis_of
from bull2jet.commands.reporting import begin, command_line, finish, judge
from bull2jet.commands.selecting import (
    Selection,
    key_index,
    line_for,
    refuse_final,
    select,
    without_final,
)
from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.formats import counted
from bull2jet.report.lines import QueueLine, Report, StateLine
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.key_index import DEDUPLICATION, KeyIndex
from bull2jet.source.lease import held_lease
from bull2jet.source.probing import require_rights
from bull2jet.target.protocol import Target, TargetQueue
from bull2jet.transfer.belonging import require_known, unmark
from bull2jet.transfer.checkpoint import Checkpoint, Phase, load, load_all, require, save
from bull2jet.transfer.giveback import GiveBack
from bull2jet.transfer.keeping import put_back
from bull2jet.transfer.queue_wide import mapper_for
from bull2jet.transfer.sweeping import Sweeper


async def rollback(options: Options, progress: Progress) -> Report:
    """Returns the chosen queues to Redis."""
    report = begin("rollback", options, with_target=True)
    findings = Findings()
    async with redis_of(options, writable=True) as door, nats_of(options) as target:
        selection = await select(door, options, findings, target)
        refuse_final(selection, "rollback")
        selection = await without_final(selection, target, options, findings, "rollback")
        if not (options.queues or options.lost_target):
            selection = await _without_untouched(selection, target, findings)
        await require_rights(door, [found.queue for found in selection.chosen])
        index = key_index(door, selection, DEDUPLICATION)
        for found in selection.chosen:
            await confirm("rollback", found.queue, options)
            report.queues.append(
                await _rollback(door, target, found, index, findings, progress, options.lost_target)
            )
    finish(report, findings)
    report.verdict = judge(findings)
    jobs = sum(queue.jobs for queue in report.queues)
    report.summary = f"{counted(jobs, 'job')} back in Redis; old workers may run again."
    report.next = command_line("inspect", options)
    return report


async def _without_untouched(selection: Selection, target: Target, findings: Findings) -> Selection:
    """The selection without queues that a broken off run has not come to, if it came to any.

    Nothing of them is to come back, and a full target would refuse to open them.
    """
    stored = await load_all(target)
    touched = tuple(found for found in selection.chosen if found.queue in stored)
    if not touched:
        return selection
    for found in selection.chosen:
        if found.queue not in stored:
            text = "it has not been migrated, so nothing of it comes back."
            findings.add(Finding(Severity.NOTE, "not-begun", text, found.queue.key))
    return replace(selection, chosen=touched)


async def _rollback(
    door: Door,
    target: Target,
    found: QueueFound,
    index: KeyIndex,
    findings: Findings,
    progress: Progress,
    lost_target: bool,
) -> QueueLine:
    queue = await target.queue(found.queue)
    checkpoint = await load(queue)
    if lost_target:
        return await _put_back(door, found, checkpoint, findings)
    found = checkpoint.recognised(found)
    line = await line_for(door, found, checkpoint)
    await require_known(door, found.queue, checkpoint)
    if checkpoint.phase is Phase.RETURNED:
        line.phase = checkpoint.phase
        return line
    allowed = {Phase.COPYING, Phase.LIVE, Phase.RETURNING}
    require(checkpoint, found.queue.key, allowed, "rollback")
    async with held_lease(door, found.queue, "rollback") as lease:
        await queue.free_room()
        if checkpoint.phase is not Phase.RETURNING:
            checkpoint = await _begin(queue, checkpoint)
        await queue.set_paused(True)
        handover = Handover(door, found, lease)
        await handover.freeze()
        mapper = await mapper_for(door, found.queue, checkpoint)
        # What a sweep was at when it was broken off comes back with all the rest.
        await Sweeper(door, found, queue, handover, mapper, findings).finish_reserved()
        back = GiveBack(
            door, found, queue, handover, mapper, index, findings, progress, checkpoint.released
        )
        await back.give_back()
        if not checkpoint.was_paused:
            await handover.thaw()
        await queue.set_paused(checkpoint.target_was_paused)
        checkpoint = await save(queue, checkpoint, phase=Phase.RETURNED, verified=None)
        await unmark(handover)
    line.phase = checkpoint.phase
    for state, number in back.returned.items():
        line.states[state.value] = StateLine(count=number)
    return line


async def _put_back(
    door: Door, found: QueueFound, checkpoint: Checkpoint, findings: Findings
) -> QueueLine:
    """The way back where the target knows nothing of the queue any more."""
    if checkpoint.phase not in (Phase.NEW, Phase.RETURNED):
        raise NotGoError(
            f"NATS has the jobs of {found.queue.key}: leave --lost-target out, and they come back "
            "with all that has happened to them since."
        )
    line = await line_for(door, found, checkpoint)
    findings.add(await put_back(door, found, line))
    line.phase = Phase.RETURNED
    return line


async def _begin(queue: TargetQueue, checkpoint: Checkpoint) -> Checkpoint:
    """Notes the way back; a pause that users set on the target since comes along."""
    paused = checkpoint.was_paused
    if checkpoint.released:
        paused = (await queue.settings()).paused
    return await save(queue, checkpoint, phase=Phase.RETURNING, was_paused=paused)


__all__ = ["rollback"]
