"""The jobs that wait for the next slots of schedulers and repeatable jobs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from bull2jet.source.door import Command, Door, text
from bull2jet.source.json_text import json_problem
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.listed import STEPS
from bull2jet.source.listing import unfinished

_Naming = Callable[[str, int], list[str]]


async def pending_ids(
    door: Door, keys: QueueKeys, members: Mapping[str, int]
) -> dict[str, str | None]:
    """Member of `repeat`, with its next slot -> the job for that slot, None where there is none.

    By the ids that the libraries make, else among the jobs due then.
    """
    found: dict[str, str | None] = dict.fromkeys(members)
    namings: tuple[_Naming, ...] = (_own_id, _hashed_id, _usual_ids, _all_ids)
    for naming in namings:  # the likely ones first: a queue may have very many
        missing = {member: slot for member, slot in members.items() if found[member] is None}
        found |= await _existing(door, keys, missing, naming)
    for member, slot in members.items():
        if found[member] is None:
            found[member] = await _among_due(door, keys, member, slot)
    return found


async def _existing(
    door: Door, keys: QueueKeys, members: Mapping[str, int], naming: _Naming
) -> dict[str, str]:
    """The first of its possible ids that is a job's, of those members that have one."""
    candidates = [
        (member, job_id) for member, slot in members.items() for job_id in naming(member, slot)
    ]
    answers = await door.calls([("HLEN", keys.job(job_id)) for _, job_id in candidates])
    found: dict[str, str] = {}
    for (member, job_id), fields in zip(candidates, answers, strict=True):
        if isinstance(fields, int) and fields:
            found.setdefault(member, job_id)
    return found


async def _among_due(door: Door, keys: QueueKeys, member: str, slot: int) -> str | None:
    due = (slot * STEPS, slot * STEPS + STEPS - 1)
    commands: list[Command] = [
        ("ZRANGEBYSCORE", keys(suffix), *due, "LIMIT", 0, 1000)
        for suffix in ("delayed", f"{OWN}delayed")
    ]
    listed = await door.calls(commands)
    due_then = [text(i) for ids in listed if not isinstance(ids, Exception) for i in ids]
    named = await _named(door, keys, due_then)
    return next((job_id for job_id, members in named.items() if member in members), None)


async def held_ids(door: Door, keys: QueueKeys, members: Collection[str]) -> dict[str, str]:
    """Member of `repeat` -> its latest job that has not finished, of those that have one.

    A worker that dies between noting the next slot and adding the job for it leaves its own job
    only. When that runs again, the library goes on from there.
    """
    found: dict[str, str] = {}
    async for rows in unfinished(door, keys):
        named = await _named(door, keys, [row.id for row in rows])
        for job_id, told in named.items():
            for member in told.intersection(members):
                found[member] = max(job_id, found.get(member, job_id), key=slot_of)
    return found


def slot_of(job_id: str) -> int:
    """The time (ms) that the job of a schedule is for, -1 where its id tells none."""
    slot = job_id.rpartition(":")[2]
    return int(slot) if slot.isdecimal() else -1


async def _named(door: Door, keys: QueueKeys, job_ids: Iterable[str]) -> dict[str, set[str]]:
    """The jobs of schedules among these, and which member of `repeat` each names."""
    ids = [job_id for job_id in job_ids if job_id.startswith("repeat:") and slot_of(job_id) >= 0]
    answers = await door.calls([("HMGET", keys.job(job_id), "rjk", "opts") for job_id in ids])
    named: dict[str, set[str]] = {}
    for job_id, answer in zip(ids, answers, strict=True):
        if not isinstance(answer, Exception):
            key, opts = (None if value is None else text(value) for value in answer)
            named[job_id] = {member for member in (key, _bull_key(opts)) if member is not None}
    return named


def _own_id(member: str, slot: int) -> list[str]:
    """The id that job schedulers and late BullMQ 5 give."""
    return [f"repeat:{member}:{slot}"]


def _hashed_id(member: str, slot: int) -> list[str]:
    """The id that BullMQ 1 to 5 give."""
    name, _, rest = member.partition(":")
    return _ids(name, rest.partition(":")[0], _md5(member), slot)[:1]


def _usual_ids(member: str, slot: int) -> list[str]:
    name, _, rest = member.partition(":")
    return _ids(name, rest.partition(":")[0], _md5(member), slot)


def _all_ids(member: str, slot: int) -> list[str]:
    """Ids that the job of a `name:jobId:endDate:tz:pattern` member may have.

    Name and job id may hold colons themselves, so every way to part them is tried.
    """
    namespace, parts = _md5(member), member.split(":")
    return [
        job_id
        for end in range(1, len(parts))
        for stop in range(end + 1, len(parts) + 1)
        for job_id in _ids(":".join(parts[:end]), ":".join(parts[end:stop]), namespace, slot)
    ]


def _ids(name: str, job_id: str, namespace: str, slot: int) -> list[str]:
    return [
        f"repeat:{_md5(name + job_id + namespace)}:{slot}",  # BullMQ 1 to 5
        f"repeat:{_md5(f'{name}{job_id}:{namespace}')}:{slot}",  # Bull 3 and 4
        f"repeat:{name}:{namespace}:{slot}",  # the first BullMQs
        f"repeat:{name}:{job_id}:{slot}",  # the first Bull 3
    ]


def _md5(value: str) -> str:
    raw = value.encode("utf-8", "surrogateescape")
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def _bull_key(opts: str | None) -> str | None:
    parsed: Any = json.loads(opts) if opts and not json_problem(opts) else {}
    repeat = parsed.get("repeat") if isinstance(parsed, dict) else None
    key = repeat.get("key") if isinstance(repeat, dict) else None
    return key if isinstance(key, str) else None


__all__ = ["held_ids", "pending_ids", "slot_of"]
