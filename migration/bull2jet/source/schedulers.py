"""Job schedulers (BullMQ 5 and 6) and repeatable jobs (Bull, BullMQ up to 5).

A scheduler has a record of its own, `repeat:<id>`, with an iteration count. An older repeatable job
has no record worth the name: the member of the `repeat` set is `name:jobId:endDate:tz:pattern` (or
an md5 with a small hash in late BullMQ 5), and its data and options live only in the one job that
waits for the next slot. So that job is looked up; its id, `repeat:<md5>:<ms>`, also gives the
scheduler its id, and ids of jobs made before and after the migration stay alike.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bull2jet.findings import Finding, Severity
from bull2jet.model import QueueRef, Scheduler
from bull2jet.source.decoding import json_problem
from bull2jet.source.door import Door, text
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.options import expanded
from bull2jet.source.settings import decoded, number

#: options of one iteration, which a template does not have
_OF_ONE_JOB = frozenset({"repeat", "jobId", "delay", "timestamp", "prevMillis", "repeatJobKey"})
_STEPS = 4096


@dataclass(slots=True)
class Schedules:
    """A queue's schedulers, and what is wrong with those that cannot be carried."""

    schedulers: list[Scheduler] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


async def taken_over(door: Door, queue: QueueRef) -> Schedules:
    """The schedulers that a run has taken over, by next slot."""
    return await _read_all(door, queue, f"{OWN}repeat", [])


async def read_schedulers(door: Door, queue: QueueRef) -> Schedules:
    """The schedulers that the queue still lists, by next slot."""
    before = (await taken_over(door, queue)).schedulers
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
    for index in range(0, len(flat), 2):
        member, slot = text(flat[index]), float(flat[index + 1])
        if math.isinf(slot):
            result.findings.append(_lost(keys, member, "its next slot is no time"))
        else:
            await _read_one(door, keys, member, int(slot), result, before)
    return result


async def _read_one(
    door: Door,
    keys: QueueKeys,
    member: str,
    slot: int,
    result: Schedules,
    before: Sequence[Scheduler],
) -> None:
    answer = (await door.calls([("HGETALL", keys.scheduler(member))]))[0]
    record = {} if isinstance(answer, Exception) else decoded(answer)
    pending_id, pending = await _pending(door, keys, member, slot, record)
    try:
        if "ic" in record:
            result.schedulers.append(_modern(member, slot, record, pending_id))
        elif pending is None or pending_id is None:
            raise ValueError(
                "its data lived only in the job for its next slot, and that job is gone; "
                "create a job scheduler for it by hand"
            )
        else:
            scheduler = _legacy(member, slot, record, pending_id, pending)
            others = (other for other in (*before, *result.schedulers) if other.legacyKey != member)
            if any(scheduler.id == other.id for other in others):
                raise ValueError("another one gives its jobs the same ids")
            result.schedulers.append(scheduler)
            result.findings.append(_converted(keys, scheduler))
    except ValueError as problem:
        result.findings.append(_lost(keys, member, str(problem)))
        return
    _check_zone(keys, result)


def _modern(member: str, slot: int, record: Mapping[str, str], pending: str | None) -> Scheduler:
    data = record.get("data")
    problem = json_problem(data) if data else None
    if problem:
        raise ValueError(f"its data is no JSON ({problem})")
    return Scheduler(
        id=member,
        name=record.get("name", member),
        next=slot,
        iterationCount=number(record.get("ic")) or 0,
        every=number(record.get("every")),
        pattern=record.get("pattern"),
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
    if not every and not pattern:
        raise ValueError("it has neither an interval nor a pattern")
    return Scheduler(
        id=pending_id.removeprefix("repeat:").rsplit(":", 1)[0],
        name=pending.get("name") or record.get("name") or member.split(":", 1)[0],
        next=slot,
        iterationCount=_count(repeat.get("count")),
        every=int(every) if every else None,
        pattern=None if every else str(pattern),
        tz=repeat.get("tz") or record.get("tz") or None,
        limit=_count(repeat.get("limit")) or None,
        startDate=_moment(repeat.get("startDate")),
        endDate=_moment(repeat.get("endDate") or number(record.get("endDate"))),
        offset=slot % int(every) if every else None,
        data=pending.get("data"),
        opts=_template(opts),
        pendingId=pending_id,
        legacyKey=member,
    )


async def _pending(
    door: Door, keys: QueueKeys, member: str, slot: int, record: Mapping[str, str]
) -> tuple[str | None, dict[str, str] | None]:
    """The job for the next slot: by the ids the libraries make, else among those due then."""
    candidates = [f"repeat:{member}:{slot}", *_legacy_ids(member, slot)]
    answers = await door.calls([("HGETALL", keys.job(job_id)) for job_id in candidates])
    for job_id, answer in zip(candidates, answers, strict=True):
        if answer and not isinstance(answer, Exception):
            return job_id, decoded(answer)
    due = (slot * _STEPS, slot * _STEPS + _STEPS - 1)
    listed = await door.calls(
        [
            ("ZRANGEBYSCORE", keys(suffix), *due, "LIMIT", 0, 1000)
            for suffix in ("delayed", f"{OWN}delayed")
        ]
    )
    due_then = [text(i) for ids in listed if not isinstance(ids, Exception) for i in ids]
    ids = [job_id for job_id in due_then if job_id.startswith("repeat:")]
    answers = await door.calls([("HGETALL", keys.job(job_id)) for job_id in ids])
    for job_id, answer in zip(ids, answers, strict=True):
        if isinstance(answer, Exception):
            continue
        fields = decoded(answer)
        if member in (fields.get("rjk"), _bull_key(fields)):
            return job_id, fields
    return None, None


def _legacy_ids(member: str, slot: int) -> list[str]:
    """Ids that BullMQ 1 to 5 and Bull give the job of a `name:jobId:endDate:tz:pattern` member.

    Name and job id may hold colons themselves, so every way to part them is tried. The first Bull 3
    took both as they are, the first BullMQs the name.
    """
    namespace = _md5(member)
    parts = member.split(":")
    ids = []
    for end in range(1, len(parts)):
        name = ":".join(parts[:end])
        ids.append(f"repeat:{name}:{namespace}:{slot}")
        for stop in range(end + 1, len(parts) + 1):
            job_id = ":".join(parts[end:stop])
            ids.append(f"repeat:{_md5(name + job_id + namespace)}:{slot}")
            ids.append(f"repeat:{_md5(f'{name}{job_id}:{namespace}')}:{slot}")
            ids.append(f"repeat:{name}:{job_id}:{slot}")
    return ids


def _md5(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _bull_key(fields: Mapping[str, str]) -> str | None:
    repeat = _object(fields.get("opts")).get("repeat")
    key = repeat.get("key") if isinstance(repeat, dict) else None
    return key if isinstance(key, str) else None


def _template(opts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in expanded(opts).items() if key not in _OF_ONE_JOB}


def _object(value: str | None) -> dict[str, Any]:
    if not value or json_problem(value):
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
