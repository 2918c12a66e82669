"""What belongs to the queue as a whole: limits, schedulers, deduplication ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import FINISHED, Deduplication, Job, QueueRef, Scheduler
from bull2jet.source.deduplication import deduplication_of, read_deduplication
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.schedulers import Schedules, read_schedulers, taken_over
from bull2jet.source.settings import has_metrics, read_settings
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.checkpoint import Checkpoint
from bull2jet.transfer.mapping import Mapper

_AT_ONCE = 50  # schedulers
_IDS_AT_ONCE = 500


async def all_schedulers(door: Door, queue: QueueRef) -> Schedules:
    """Schedulers that wait to be taken over and those that have been."""
    there = await taken_over(door, queue)
    here = await read_schedulers(door, queue, there.schedulers)
    return Schedules(there.schedulers + here.schedulers, there.findings + here.findings)


async def mapper_for(door: Door, queue: QueueRef, checkpoint: Checkpoint) -> Mapper:
    """The mapper of a migration that may have begun earlier."""
    mapper = Mapper(queue, checkpoint.timezone, dict(checkpoint.schedulers))
    mapper.schedulers((await all_schedulers(door, queue)).schedulers)
    return mapper


async def carry_settings(
    door: Door, queue: QueueRef, target: TargetQueue, findings: Findings
) -> int:
    """Limits, the id counter and the current rate window; where the counter stood."""
    settings = await read_settings(door, queue)
    await target.put_settings(settings)
    for name in settings.extra:
        findings.add(
            Finding(
                Severity.LEFT,
                "unknown-setting",
                f"the field {name!r} of `meta` belongs to no known version and stays in Redis.",
                queue.key,
            )
        )
    if await has_metrics(door, queue):
        findings.add(
            Finding(
                Severity.NOTE,
                "metrics",
                "counts of finished jobs per minute are not carried; the target counts anew.",
                queue.key,
            )
        )
    return settings.counter


async def carry_schedulers(
    door: Door,
    queue: QueueRef,
    target: TargetQueue,
    handover: Handover,
    mapper: Mapper,
    findings: Findings,
    *,
    live: bool,
) -> int:
    """Stores every scheduler, then takes it over; how many were stored.

    While the target's workers are held back, what Redis says replaces what a new program has put
    there already: the count of iterations and the next slot go on. Once they run it is the other
    way round.
    """
    schedules = await read_schedulers(door, queue)
    findings.extend(schedules.findings)
    if not schedules.schedulers:
        return 0  # a bridge asks again and again, and the target may have very many
    known = {scheduler.id: scheduler for scheduler in await target.schedulers()}
    mapped = mapper.schedulers(schedules.schedulers)
    pairs = list(zip(schedules.schedulers, mapped, strict=True))
    for start in range(0, len(pairs), _AT_ONCE):
        stored = []
        for original, wanted in pairs[start : start + _AT_ONCE]:
            problem = target.refused_rule(wanted)
            if problem is not None:
                findings.add(refused_scheduler(queue, wanted, problem))
                continue
            stored.append((original, wanted))
        await asyncio.gather(*(_store(target, *pair, known, live=live) for pair in stored))
        await handover.claim_schedulers([first.legacyKey or first.id for first, _ in stored])
    return len(schedules.schedulers)


async def _store(
    target: TargetQueue,
    original: Scheduler,
    wanted: Scheduler,
    known: Mapping[str, Scheduler],
    *,
    live: bool,
) -> None:
    copy = known.get(wanted.id)
    if not live or not same_rule(copy, wanted):
        await target.put_scheduler(wanted)
    if not live and copy is not None and wanted.pendingId is not None:
        await _drop_pending(target, copy)
    for twin in () if live else _twins(original, known.values()):
        await _drop_pending(target, twin)
        await target.remove_scheduler(twin.id)


def _twins(repeatable: Scheduler, known: Iterable[Scheduler]) -> list[Scheduler]:
    """What new programs have stored for an older repeatable job: `name:jobId:end:tz:pattern`."""
    if repeatable.legacyKey is None:
        return []
    rule = f":{repeatable.endDate or ''}:{repeatable.tz or ''}:"
    rule += str(repeatable.pattern or repeatable.every)
    return [
        other
        for other in known
        if other.id != repeatable.id
        and other.id.startswith(f"{repeatable.name}:")
        and other.id.endswith(rule)
    ]


async def _drop_pending(target: TargetQueue, copy: Scheduler) -> None:
    """Removes the job that the target made for the next slot: the one in Redis comes instead."""
    ids = [] if copy.pendingId is None else [copy.pendingId]
    ours = await target.carried_by_us(ids)
    waiting = [
        job.id
        for job in (await target.read(ids)).values()
        if job.id not in ours and job.attemptsStarted == 0 and job.state not in FINISHED
    ]
    await target.remove(waiting)


async def carry_deduplication(
    door: Door, queue: QueueRef, index: KeyIndex, target: TargetQueue, findings: Findings
) -> None:
    """Stores who owns which deduplication id, also of those that were added since the index.

    Soon after each is read, for the time it has left runs meanwhile.
    """
    entries: list[Deduplication] = []
    async for held in read_deduplication(door, queue, index, findings, fresh=True):
        entry = as_carried(queue, held, target.refused_rule, findings)
        if entry is not None:
            entries.append(entry)
        if len(entries) >= _IDS_AT_ONCE:
            await target.put_deduplications(entries)
            entries = []
    await target.put_deduplications(entries)


async def carry_deduplication_of(
    door: Door, queue: QueueRef, jobs: Iterable[Job], target: TargetQueue, findings: Findings
) -> None:
    """Stores the deduplication ids that these late jobs own, unless the target has others there.

    Its workers run: what it keeps of all other ids is newer than what Redis keeps.
    """
    owners = {job.deduplicationId: job.id for job in jobs if job.deduplicationId}
    entries = []
    async for held in deduplication_of(door, queue, list(owners), findings):
        entry = as_carried(queue, held, target.refused_rule, findings)
        if entry is not None and entry.jobId == owners[entry.id]:
            entries.append(entry)
    await target.put_deduplications(entries, late=True)


def as_carried(
    queue: QueueRef,
    held: Deduplication,
    refusal: Callable[[Deduplication], str | None],
    findings: Findings,
) -> Deduplication | None:
    """What the target can hold of it: all, the id without the remembered add, or nothing."""
    problem = refusal(held)
    if problem is None:
        return held
    findings.add(_refused_add(queue, held, problem))
    if held.next is None or held.freed:
        return None
    return as_carried(queue, replace(held, next=None), refusal, findings)


def refused_scheduler(queue: QueueRef, scheduler: Scheduler, problem: str) -> Finding:
    """What is said of a scheduler that the target cannot hold."""
    text = f"the scheduler {scheduler.id!r} is not carried: {problem}."
    return Finding(Severity.LEFT, "scheduler-lost", text, queue.key)


def _refused_add(queue: QueueRef, held: Deduplication, problem: str) -> Finding:
    """What is said of a deduplication id, or the add remembered with it, that is too large."""
    what, code = "add remembered for", "remembered-add"
    if held.next is None:
        what, code = "deduplication id", "deduplication-lost"
    text = f"the {what} {held.id!r} is not carried: {problem}."
    return Finding(Severity.LEFT, code, text, queue.key, held.jobId)


def same_rule(known: Scheduler | None, wanted: Scheduler) -> bool:
    """Whether the target's scheduler follows the same rule, however far it has come."""
    if known is None:
        return False
    names = ("name", "every", "pattern", "tz", "limit", "startDate", "endDate")
    return all(getattr(known, name) == getattr(wanted, name) for name in names)


__all__ = [
    "all_schedulers",
    "as_carried",
    "carry_deduplication",
    "carry_deduplication_of",
    "carry_schedulers",
    "carry_settings",
    "mapper_for",
    "refused_scheduler",
    "same_rule",
]
