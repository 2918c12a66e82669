"""Job schedulers (BullMQ 5 and 6) and repeatable jobs (Bull, BullMQ up to 5).

A scheduler has a record of its own, `repeat:<id>`, with an iteration count. An older repeatable job
has no record worth the name: the member of the `repeat` set is `name:jobId:endDate:tz:pattern` (or
an md5 with a small hash in late BullMQ 5), and its data and options live only in the one job that
waits for the next slot, or where that one is missing in the last one that has not finished. So
that job is looked up; its id, `repeat:<md5>:<ms>`, also gives the scheduler its id, and ids of jobs
made before and after the migration stay alike.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bull2jet.findings import Finding, Severity
from bull2jet.model import QueueRef, Scheduler
from bull2jet.source.door import Door, text
from bull2jet.source.json_text import value_problem
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.listed import NEVER
from bull2jet.source.options import expanded
from bull2jet.source.pending import held_ids, pending_ids, slot_of
from bull2jet.source.settings import decoded, number

#: options of one iteration, which a template does not have
_OF_ONE_JOB = frozenset({"repeat", "jobId", "delay", "timestamp", "prevMillis", "repeatJobKey"})
_AT_ONCE = 50
_JOB_IS_GONE = (
    "it makes no jobs any more, in Redis neither, since the job for its next slot, which held its "
    "data, is gone (removed or evicted, or its limit or end is reached); if it shall go on, create "
    "a job scheduler for it by hand"
)


@dataclass(slots=True)
class Schedules:
    """A queue's schedulers, and what is wrong with those that cannot be carried."""

    schedulers: list[Scheduler] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


async def taken_over(door: Door, queue: QueueRef) -> Schedules:
    """The schedulers that a run has taken over, by next slot."""
    return await _read_all(door, queue, f"{OWN}repeat", [])


async def read_schedulers(
    door: Door, queue: QueueRef, before: Sequence[Scheduler] | None = None
) -> Schedules:
    """The schedulers that the queue still lists, by next slot; `before` are those taken over."""
    if before is None:  # read only where there is something to compare with it
        (left,) = await door.calls([("EXISTS", QueueKeys(queue)("repeat"))])
        before = (await taken_over(door, queue)).schedulers if left else ()
    return await _read_all(door, queue, "repeat", before)


async def _read_all(
    door: Door, queue: QueueRef, suffix: str, before: Sequence[Scheduler]
) -> Schedules:
    """Those that the set `suffix` lists; none may share its id with another, nor with `before`."""
    keys = QueueKeys(queue)
    result = Schedules()
    flat = (await door.calls([("ZRANGE", keys(suffix), 0, -1, "WITHSCORES")]))[0]
    if isinstance(flat, Exception):
        return result
    members: dict[str, int] = {}
    for index in range(0, len(flat), 2):
        member, slot = text(flat[index]), float(flat[index + 1])
        if math.isinf(slot):
            result.findings.append(_lost(keys, member, "its next slot is no time"))
        else:
            members[member] = int(slot)
    owners = {scheduler.id: scheduler.legacyKey for scheduler in before}
    jobless: dict[str, int] = {}
    for some in _in_parts(members):
        jobs = await pending_ids(door, keys, some)
        jobless |= await _read_some(door, keys, some, jobs, result, owners)
    held = await held_ids(door, keys, jobless) if jobless else {}
    for some in _in_parts(jobless):
        jobs = {member: held.get(member) for member in some}
        slots = {member: slot_of(job_id) for member, job_id in jobs.items() if job_id}
        lost = await _read_some(door, keys, {**some, **slots}, jobs, result, owners)
        result.findings += [_lost(keys, member, _JOB_IS_GONE) for member in lost]
    result.schedulers.sort(key=lambda scheduler: scheduler.next)
    return result


def _in_parts(members: Mapping[str, int]) -> Iterator[dict[str, int]]:
    rows = list(members.items())
    for start in range(0, len(rows), _AT_ONCE):
        yield dict(rows[start : start + _AT_ONCE])


async def _read_some(
    door: Door,
    keys: QueueKeys,
    members: Mapping[str, int],
    jobs: Mapping[str, str | None],
    result: Schedules,
    owners: dict[str, str | None],
) -> dict[str, int]:
    """Adds those of `members` (with their slots) to the result; the older ones without a job."""
    answers = await door.calls([("HGETALL", keys.scheduler(member)) for member in members])
    records = {
        member: {} if isinstance(answer, Exception) else decoded(answer)
        for member, answer in zip(members, answers, strict=True)
    }
    older = [jobs[member] for member in members if "ic" not in records[member]]
    hashes = await _hashes(door, keys, [job_id for job_id in older if job_id is not None])
    jobless: dict[str, int] = {}
    for member, slot in members.items():
        record, job_id = records[member], jobs[member]
        try:
            if "ic" in record:
                scheduler = _modern(member, slot, record, job_id)
            elif job_id is None or job_id not in hashes:
                jobless[member] = slot
                continue
            else:
                scheduler = _legacy(member, slot, record, job_id, hashes[job_id])
                if owners.get(scheduler.id, member) != member:
                    raise ValueError("another one gives its jobs the same ids")
        except ValueError as problem:
            result.findings.append(_lost(keys, member, str(problem)))
            continue
        except (TypeError, OverflowError):
            problem_text = "its options hold what no version of the library writes"
            result.findings.append(_lost(keys, member, problem_text))
            continue
        owners[scheduler.id] = scheduler.legacyKey
        result.schedulers.append(scheduler)
        if scheduler.legacyKey is not None:
            result.findings.append(_converted(keys, scheduler))
        _check_zone(keys, result)
    return jobless


def _modern(member: str, slot: int, record: Mapping[str, str], pending: str | None) -> Scheduler:
    data = record.get("data")
    problem = value_problem(data) if data else None
    if problem:
        raise ValueError(f"its data is no JSON ({problem})")
    every, pattern = number(record.get("every")), record.get("pattern")
    _check_rule(every, pattern)
    return Scheduler(
        id=member,
        name=record.get("name", member),
        next=slot,
        iterationCount=number(record.get("ic")) or 0,
        every=every,
        pattern=pattern,
        tz=record.get("tz"),
        limit=number(record.get("limit")),
        startDate=number(record.get("startDate")),
        endDate=number(record.get("endDate")),
        offset=number(record.get("offset")),
        data=data,
        opts=_template(_object(record.get("opts"))),
        pendingId=pending,
    )


def _legacy(
    member: str, slot: int, record: Mapping[str, str], pending_id: str, pending: Mapping[str, str]
) -> Scheduler:
    opts = expanded(_object(pending.get("opts")))
    repeat = opts.get("repeat")
    if not isinstance(repeat, dict):
        raise ValueError("the job for its next slot does not say how it repeats")
    every = repeat.get("every")
    pattern = repeat.get("pattern") or repeat.get("cron") or record.get("pattern")
    every = int(every) if every else None
    _check_rule(every, pattern)
    return Scheduler(
        id=pending_id.removeprefix("repeat:").rsplit(":", 1)[0],
        name=pending.get("name") or record.get("name") or member.split(":", 1)[0],
        next=slot,
        iterationCount=_count(repeat.get("count")),
        every=every,
        pattern=None if every else str(pattern),
        tz=str(repeat.get("tz") or record.get("tz") or "") or None,
        limit=_count(repeat.get("limit")) or None,
        startDate=_moment(repeat.get("startDate")),
        endDate=_moment(repeat.get("endDate") or number(record.get("endDate"))),
        offset=slot % every if every else None,
        data=pending.get("data"),
        opts=_template(opts),
        pendingId=pending_id,
        legacyKey=member,
    )


def _check_rule(every: int | None, pattern: object) -> None:
    if not every and not pattern:
        raise ValueError("it has neither an interval nor a pattern")
    if every is not None and not 0 < every <= NEVER:
        raise ValueError("its interval is no time")


async def _hashes(door: Door, keys: QueueKeys, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    answers = await door.calls([("HGETALL", keys.job(job_id)) for job_id in job_ids])
    return {
        job_id: decoded(answer)
        for job_id, answer in zip(job_ids, answers, strict=True)
        if answer and not isinstance(answer, Exception)
    }


def _template(opts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in expanded(opts).items() if key not in _OF_ONE_JOB}


def _object(value: str | None) -> dict[str, Any]:
    if not value or value_problem(value):
        return {}
    parsed = json.loads(value)
    return parsed if isinstance(parsed, dict) else {}


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) else 0


def _moment(value: Any) -> int | None:
    """Epoch ms of a date option, which old libraries also kept as ISO text."""
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, str) and value:
        return int(datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp() * 1000)
    return None


def _lost(keys: QueueKeys, member: str, problem: str) -> Finding:
    sentence = f"the repeating job {member!r} is not carried: {problem}."
    return Finding(Severity.LEFT, "scheduler-lost", sentence, keys.queue.key)


def _converted(keys: QueueKeys, scheduler: Scheduler) -> Finding:
    return Finding(
        Severity.CHANGED,
        "scheduler-converted",
        f"the repeating job {scheduler.name!r} ({scheduler.legacyKey!r}) becomes the job scheduler "
        f"{scheduler.id!r}; update or remove it under that id.",
        keys.queue.key,
    )


def _check_zone(keys: QueueKeys, result: Schedules) -> None:
    scheduler = result.schedulers[-1]
    if scheduler.pattern and not scheduler.tz:
        result.findings.append(
            Finding(
                Severity.CHANGED,
                "scheduler-zone",
                f"the scheduler {scheduler.id!r} ({scheduler.name!r}, {scheduler.pattern!r}) names "
                "no time zone: Node used its own, the target uses UTC; give --timezone to choose.",
                keys.queue.key,
            )
        )


__all__ = ["Schedules", "read_schedulers", "taken_over"]
