"""Keys under a queue's root that nothing lists: orphaned jobs, leftovers, other programs' keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from bull2jet.findings import Finding, Severity
from bull2jet.idset import IdSet
from bull2jet.model import QueueRef
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.key_index import longest_root
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
    door: Door, queues: Sequence[QueueFound], known: Iterable[QueueRef]
) -> AsyncIterator[Finding]:
    """A finding for each key below the roots of these queues that belongs to nothing listed.

    `known` are all queues there are, whose roots may begin with one of these. All keys of the
    database are gone through once, however many queues there are.
    """
    founds = {found.queue.key: found for found in queues}
    if not founds:
        return
    ids = {root: await listed_ids(door, found) for root, found in founds.items()}
    roots = {*founds, *(queue.key for queue in known)}
    alone = next(iter(founds.values())) if len(founds) == 1 else None
    pattern = "*" if alone is None else QueueKeys(alone.queue).matching("")
    async for page in door.keys(pattern):
        strange: dict[str, list[str]] = {}
        for key in dict.fromkeys(page):
            root = longest_root(key, roots)
            if root in founds and not _belongs(key[len(root) + 1 :], ids[root]):
                strange.setdefault(root, []).append(key)
        for root, keys in strange.items():
            found = founds[root]
            for finding in await _name(door, found, QueueKeys(found.queue), keys):
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
