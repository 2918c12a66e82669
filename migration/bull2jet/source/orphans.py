"""Keys under a queue's root that nothing lists: orphaned jobs, leftovers, other programs' keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from bull2jet.findings import Finding, Severity
from bull2jet.idset import IdSet
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.keys import OWN, QUEUE_PREFIXES, QUEUE_SUFFIXES, QueueKeys, owner_of
from bull2jet.source.listing import HOLDERS, pages, usable


async def listed_ids(door: Door, found: QueueFound) -> IdSet:
    """Every id that a collection of the queue holds, taken over or not, schedulers included."""
    keys = QueueKeys(found.queue)
    ids = IdSet()
    own = [own for first in HOLDERS for own in (first.mirror, first.inflight, first.refused)]
    for holder in (*usable(found.types), *own):
        if holder.suffix in found.types:
            async for listings in pages(door, keys, holder):
                ids.add(listing.id for listing in listings)
    for repeat in {"repeat", f"{OWN}repeat"} & found.types.keys():
        members = await door.call("ZRANGE", keys(repeat), 0, -1)
        ids.add(f"repeat:{member.decode('utf-8', 'surrogateescape')}" for member in members)
    ids.close()
    return ids


async def find_orphans(
    door: Door, found: QueueFound, siblings: Iterable[str] = ()
) -> AsyncIterator[Finding]:
    """A finding for each key below the queue's root that belongs to nothing listed.

    `siblings` are the keys of other queues, whose roots may begin with this one's.
    """
    keys = QueueKeys(found.queue)
    ids = await listed_ids(door, found)
    longer = tuple(f"{other}:" for other in siblings if other.startswith(f"{found.queue.key}:"))
    async for page in door.keys(keys.matching("")):
        strange = [
            key
            for key in dict.fromkeys(page)
            if not key.startswith(longer) and not _belongs(keys.rest(key), ids)
        ]
        for finding in await _name(door, found, keys, strange):
            yield finding


def _belongs(rest: str, ids: IdSet) -> bool:
    if rest in QUEUE_SUFFIXES or rest.startswith(QUEUE_PREFIXES) or rest in ids:
        return True
    owner, part = owner_of(rest)
    return bool(part) and owner in ids


async def _name(
    door: Door, found: QueueFound, keys: QueueKeys, strange: list[str]
) -> list[Finding]:
    """What each strange key is, judged by its type and fields."""
    commands = [("HMGET", key, "name", "data", "opts", "timestamp") for key in strange]
    findings = []
    for key, answer in zip(strange, await door.calls(commands), strict=True):
        rest = keys.rest(key)
        owner, part = owner_of(rest)
        if isinstance(answer, list) and answer[0] is not None and answer[3] is not None:
            code, text = "orphan-job", "a complete job that no state lists; the library lost it"
        elif isinstance(answer, list) and any(answer):
            code, text = "orphan-job", "a half-written job that no state lists"
        elif part:
            code, text = "orphan-part", f"{part} of a job that no state lists"
        else:
            code, text = "foreign-key", "a key that no known version writes"
        job = owner if code != "foreign-key" else ""
        sentence = f"{key!r} is {text}; it stays in Redis."
        findings.append(Finding(Severity.LEFT, code, sentence, found.queue.key, job))
    return findings


__all__ = ["find_orphans", "listed_ids"]
