"""Keys under a queue's root that nothing lists: orphaned jobs, leftovers, other programs' keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from bull2jet.findings import Finding, Severity
from bull2jet.idset import IdSet
from bull2jet.model import QueueRef, State
from bull2jet.source.discovery import QueueFound, current_types
from bull2jet.source.door import Door
from bull2jet.source.key_index import Packed, longest_root
from bull2jet.source.keys import OWN, QUEUE_PREFIXES, QUEUE_SUFFIXES, QueueKeys, owner_of
from bull2jet.source.listing import HOLDERS, Holder, pages, usable


async def _listed_ids(door: Door, found: QueueFound) -> IdSet:
    """Every id that a collection of the queue holds, taken over or not, schedulers included."""
    keys = QueueKeys(found.queue)
    ids = IdSet()
    own = [own for first in HOLDERS for own in (first.mirror, first.inflight, first.refused)]
    # In the order in which jobs move on, so that none slips through while workers are at work.
    onward = usable(found.types)[::-1]
    onward.sort(key=_begins_later)
    for holder in (*onward, *own):
        if holder.suffix in found.types:
            async for listings in pages(door, keys, holder):
                ids.add(listing.id for listing in listings)
    for repeat in {"repeat", f"{OWN}repeat"} & found.types.keys():
        members = await door.call("ZRANGE", keys(repeat), 0, -1)
        ids.add(f"repeat:{member.decode('utf-8', 'surrogateescape')}" for member in members)
    ids.close()
    return ids


def _begins_later(holder: Holder) -> bool:
    return holder.state is not State.WAITING_CHILDREN


async def find_orphans(
    door: Door, queues: Sequence[QueueFound], known: Iterable[QueueRef]
) -> AsyncIterator[Finding]:
    """A finding for each key below the roots of these queues that belongs to nothing listed.

    `known` are all queues there are, whose roots may begin with one of these. All keys of the
    database are gone through once, however many queues there are. What seems to be listed nowhere
    is looked for once more: a producer may have added it meanwhile, or a worker removed it.
    """
    founds = {found.queue.key: found for found in queues}
    if not founds:
        return
    ids = {root: await _listed_ids(door, found) for root, found in founds.items()}
    roots = {*founds, *(queue.key for queue in known)}
    alone = next(iter(founds.values())) if len(founds) == 1 else None
    pattern = "*" if alone is None else QueueKeys(alone.queue).matching("")
    strange = Packed()
    async for page in door.keys(pattern):
        for key in dict.fromkeys(page):
            root = longest_root(key, roots)
            rest = key[len(root) + 1 :]
            if root in founds and not _belongs(rest, ids[root]):
                strange.add(root, rest)
    for root in strange.roots():
        found = replace(founds[root], types=await current_types(door, founds[root].queue))
        now = await _listed_ids(door, found)
        for page in strange.below(root):
            keys = [f"{root}:{rest}" for rest in page if not _belongs(rest, now)]
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
    there = await door.calls([("EXISTS", key) for key in strange])
    strange = [key for key, exists in zip(strange, there, strict=True) if exists]
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


__all__ = ["find_orphans"]
