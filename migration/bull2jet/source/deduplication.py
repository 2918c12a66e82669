"""Deduplication ids: who holds them, for how long, and which adds are remembered with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from bull2jet.errors import JobDamagedError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import Deduplication, QueueRef
from bull2jet.source.door import Door, text
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import unfinished
from bull2jet.source.remembered import remembered_job
from bull2jet.source.settings import decoded

_AT_ONCE = 1000  # ids


async def read_deduplication(
    door: Door,
    queue: QueueRef,
    index: KeyIndex,
    found: Findings | None = None,
    *,
    fresh: bool = False,
) -> AsyncIterator[Deduplication]:
    """Deduplication ids that are held now, with the time they have left.

    A remembered add that cannot be carried is left out and told to `found`. `fresh`: also those
    that were added since the index was made.
    """
    keys = QueueKeys(queue)
    remembering: dict[str, None] = {}  # each once, though SCAN may name it twice
    async for both in index.below(queue.key, fresh=fresh):
        rests = [keys.rest(key) for key in dict.fromkeys(both)]
        remembering |= {rest[3:]: None for rest in rests if rest.startswith("dn:")}
        ids = [rest[3:] for rest in rests if rest.startswith("de:")]
        async for held in _held(door, keys, ids, found):
            yield held
    async for freed in _all_freed(door, keys, list(remembering), found):
        yield freed


async def deduplication_of(
    door: Door, queue: QueueRef, ids: Sequence[str], found: Findings
) -> AsyncIterator[Deduplication]:
    """As `read_deduplication`, of a few ids."""
    keys = QueueKeys(queue)
    async for held in _held(door, keys, ids, found):
        yield held
    answers = await door.calls([("EXISTS", keys(f"dn:{dedup_id}")) for dedup_id in ids])
    remembering = [dedup_id for dedup_id, there in zip(ids, answers, strict=True) if there == 1]
    async for freed in _all_freed(door, keys, remembering, found):
        yield freed


async def _held(
    door: Door, keys: QueueKeys, ids: Sequence[str], found: Findings | None
) -> AsyncIterator[Deduplication]:
    commands = [(verb, keys(f"de:{dedup_id}")) for dedup_id in ids for verb in ("GET", "PTTL")]
    remembered = [("HGETALL", keys(f"dn:{dedup_id}")) for dedup_id in ids]
    answers = await door.calls([*commands, *remembered])
    for index, dedup_id in enumerate(ids):
        owner, ttl = answers[2 * index], answers[2 * index + 1]
        later = answers[2 * len(ids) + index]
        if not isinstance(owner, bytes) or ttl == -2:
            continue
        held = Deduplication(dedup_id, text(owner), ttl if ttl >= 0 else None)
        if isinstance(later, dict) and later:
            held = _with_next(keys.queue, held, decoded(later), found)
        yield held


async def _all_freed(
    door: Door, keys: QueueKeys, ids: Sequence[str], found: Findings | None
) -> AsyncIterator[Deduplication]:
    for start in range(0, len(ids), _AT_ONCE):
        async for freed in _freed(door, keys, ids[start : start + _AT_ONCE], found):
            yield freed


async def _freed(
    door: Door, keys: QueueKeys, ids: Sequence[str], found: Findings | None
) -> AsyncIterator[Deduplication]:
    """Adds remembered with ids that nobody holds: freed by hand, or their time was over first.

    They become jobs when the job that held the id ends; only its own hash names the id.
    """
    held = await door.calls([("EXISTS", keys(f"de:{dedup_id}")) for dedup_id in ids])
    ids = [dedup_id for dedup_id, is_held in zip(ids, held, strict=True) if not is_held]
    owners = await _owners(door, keys, ids) if ids else {}
    for dedup_id in ids:
        if dedup_id in owners:
            fields = decoded(await door.call("HGETALL", keys(f"dn:{dedup_id}")))
            freed = Deduplication(dedup_id, owners[dedup_id], freed=True)
            freed = _with_next(keys.queue, freed, fields, found)
            if freed.next is not None:
                yield freed
        elif found is not None:
            told = f"the add remembered for {dedup_id!r} is not carried: no job holds its id."
            found.add(Finding(Severity.LEFT, "remembered-add", told, keys.queue.key))


async def _owners(door: Door, keys: QueueKeys, ids: Sequence[str]) -> dict[str, str]:
    """Deduplication id -> the unfinished job that has it, taken over or not."""
    found: dict[str, str] = {}
    async for rows in unfinished(door, keys):
        answers = await door.calls([("HGET", keys.job(row.id), "deid") for row in rows])
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, bytes) and text(answer) in ids:
                found.setdefault(text(answer), row.id)
        if len(found) == len(ids):
            break
    return found


def _with_next(
    queue: QueueRef, held: Deduplication, fields: Mapping[str, str], found: Findings | None
) -> Deduplication:
    try:
        return replace(held, next=remembered_job(held.id, fields))
    except JobDamagedError as damage:
        if found is not None:
            told = f"the add remembered for {held.id!r} is not carried: {damage}."
            found.add(Finding(Severity.LEFT, damage.code, told, queue.key, held.jobId))
        return held


__all__ = ["deduplication_of", "read_deduplication"]
