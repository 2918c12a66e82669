"""Writing a queue's Redis keys to a file before they are removed, and removing them in slices.

The file is gzipped JSON lines, `[key, type, ttl_ms, value]`; strings that are no UTF-8 stand as
`{"base64": …}`.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bull2jet.errors import MigrationError
from bull2jet.idset import IdSet
from bull2jet.source.discovery import QueueFound, misfits
from bull2jet.source.door import Command, Door, text
from bull2jet.source.handover import Handover
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.keys import OWN, QUEUE_PREFIXES, QUEUE_SUFFIXES, QueueKeys, owner_of
from bull2jet.source.listing import HOLDERS, holders, pages
from bull2jet.source.remaining import remaining
from bull2jet.source.sizes import CHUNK_BYTES, ENTRY_BYTES, LARGE_FIELDS, values_sizes

_AT_ONCE = 200  # keys
_LONG = 5_000  # entries of one key that are read at once
_COUNTING = {"list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN", "hash": "HLEN"}
#: what was taken over, and by which migration: of no use when the jobs are gone
_TAKEN = frozenset(
    [
        *(holder.mirror.suffix for holder in HOLDERS),
        *(f"{OWN}{name}" for name in ("repeat", "priority", "migration")),
    ]
)
_READ: dict[str, tuple[str | int, ...]] = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    "stream": ("XRANGE", "-", "+"),
}


#: families of common keys of which there may be one for each job
_MANY = ("de:", "dn:", "limiter:")
#: those that may have an entry for each job of a queue
_BY_RANGE = {"list": ("LRANGE",), "zset": ("ZRANGE", "WITHSCORES")}


async def carried_ids(door: Door, found: QueueFound) -> IdSet:
    """Ids of the jobs and schedulers that were taken over."""
    keys = QueueKeys(found.queue)
    ids = IdSet()
    for holder in HOLDERS:
        async for listings in pages(door, keys, holder.mirror):
            ids.add(listing.id for listing in listings)
    members = await door.call("ZRANGE", keys(f"{OWN}repeat"), 0, -1)
    ids.add(f"repeat:{text(member)}" for member in members)
    ids.close()
    return ids


async def removable(
    door: Door, found: QueueFound, index: KeyIndex, *, fresh: bool = False
) -> AsyncIterator[list[str]]:
    """The queue's own keys and those of carried jobs, page by page; never a foreign key.

    While jobs of the queue stay behind in Redis, the library's common keys stay too, and the list
    of its schedulers while it names any that was not taken over. A key of a wrong type always
    stays, unless it is the job of that id.
    """
    keys = QueueKeys(found.queue)
    ids = await carried_ids(door, found)
    kept = await misfits(door, found.queue)
    if await door.call("EXISTS", keys("repeat")):
        kept.add("repeat")
    empty = not await remaining(door, found)
    async for page in index.below(found.queue.key, fresh=fresh):
        mine = [
            key
            for key in dict.fromkeys(page)
            if (keys.rest(key) not in kept or keys.rest(key) in ids)
            and _is_carried(keys.rest(key), ids, empty)
        ]
        if mine:
            yield mine


def _is_carried(rest: str, ids: IdSet, with_common: bool) -> bool:
    if rest in ids or rest in _TAKEN:
        return True
    if _is_common(rest):
        return with_common and rest != f"{OWN}lease"
    owner, part = owner_of(rest)
    return bool(part) and owner in ids


def _is_common(rest: str) -> bool:
    return rest in QUEUE_SUFFIXES or rest.startswith(QUEUE_PREFIXES)


async def write_archive(door: Door, found: QueueFound, index: KeyIndex, path: Path) -> int:
    """Writes every key that will be removed; how many. What has expired since is left out."""
    count = 0
    try:
        with gzip.open(path, "xt", encoding="ascii") as file:
            # What is removed later on is what stands here, so both go by one look.
            async for page in removable(door, found, index, fresh=True):
                async for text_part in _written(door, page):
                    file.write(text_part)
                    count += text_part.endswith("\n")
    except FileExistsError as error:
        raise MigrationError(
            f"The archive {path} exists already; name another with --archive."
        ) from error
    except OSError as error:
        raise MigrationError(f"The archive {path} cannot be written: {error}.") from error
    return count


async def remove_keys(door: Door, found: QueueFound, index: KeyIndex, handover: Handover) -> int:
    """Removes the carried jobs' keys in slices, then what is common to them in one step.

    The library's common keys stay if an old producer has added a job meanwhile: they are all that
    names it. The lists of what was carried go last, for a broken-off removal needs them, and they
    go in any case: nothing that they name is left.
    """
    count = 0
    common: list[str] = []
    taken: list[str] = []
    keys = QueueKeys(found.queue)
    sizes = await _sizes(door, keys)  # before `removable` sees that no job is left
    async for page in removable(door, found, index):
        jobs = [key for key in page if not _is_common(keys.rest(key))]
        rules = [key for key in page if keys.rest(key).startswith(_MANY)]
        taken += [key for key in page if keys.rest(key) in _TAKEN]
        common += [
            key
            for key in page
            if _is_common(keys.rest(key)) and key not in taken and key not in rules
        ]
        await handover.together([("UNLINK", key) for key in jobs])
        count += len(jobs)
        if rules and await handover.unlink_unless_grown(rules, sizes):
            count += len(rules)
    if await handover.unlink_unless_grown([*common, *taken], sizes):
        return count + len(common) + len(taken)
    await handover.together([("UNLINK", key) for key in taken])
    return count + len(taken)


async def _sizes(door: Door, keys: QueueKeys) -> dict[Command, int]:
    """How many ids the library's collections hold; those of another type are left out."""
    commands: list[Command] = [
        (holder.counting, keys(holder.suffix))
        for in_sets in (False, True)
        for holder in holders(in_sets)
    ]
    answers = await door.calls(commands)
    return {
        command: answer
        for command, answer in zip(commands, answers, strict=True)
        if isinstance(answer, int)
    }


async def _written(door: Door, page: Sequence[str]) -> AsyncIterator[str]:
    """The keys as lines of the archive, read a few at a time where they are large."""
    commands: list[Command] = [(verb, key) for key in page for verb in ("TYPE", "PTTL")]
    answers = await door.calls(commands)
    kinds = zip(page, map(text, answers[::2]), strict=True)
    keys = [(key, kind) for key, kind in kinds if kind != "none"]
    times = dict(zip(page, answers[1::2], strict=True))
    counts = await _entries(door, keys)
    long = [(key, kind) for key, kind in keys if kind in _BY_RANGE and counts[key] > _LONG]
    for chunk in await _chunks(door, [pair for pair in keys if pair not in long], counts):
        reads: list[Command] = []
        for key, kind in chunk:
            verb, *arguments = _READ.get(kind, ("EXISTS",))
            reads.append((verb, key, *arguments))
        values = await door.calls(reads)
        for (key, kind), value in zip(chunk, values, strict=True):
            yield _encoded([key, kind, times[key], _plain(value)]) + "\n"
    for key, kind in long:
        yield _encoded([key, kind, times[key]])[:-1] + ",["
        verb, *more = _BY_RANGE[kind]
        for start in range(0, counts[key], _LONG):
            entries = await door.call(verb, key, start, start + _LONG - 1, *more)
            yield ("," if start else "") + _encoded(_plain(entries))[1:-1]
        yield "]]\n"


async def _entries(door: Door, keys: Sequence[tuple[str, str]]) -> dict[str, int]:
    counted = [(key, _COUNTING[kind]) for key, kind in keys if kind in _COUNTING]
    answers = await door.calls([(verb, key) for key, verb in counted])
    numbers = [answer if isinstance(answer, int) else 0 for answer in answers]
    return dict(zip([key for key, _ in counted], numbers, strict=True))


async def _chunks(
    door: Door, keys: Sequence[tuple[str, str]], counts: Mapping[str, int]
) -> list[list[tuple[str, str]]]:
    """The keys in groups of bounded number and bytes, as far as a job's large fields tell."""
    hashes = [key for key, kind in keys if kind == "hash"]
    fields = [("HSTRLEN", key, name) for key in hashes for name in LARGE_FIELDS]
    found = iter(await door.calls(fields))
    sizes = {key: ENTRY_BYTES * number for key, number in counts.items()}
    results = {key: counts[key] for key in hashes if key.endswith(":processed")}
    for key, size in (await values_sizes(door, results)).items():
        sizes[key] += size
    for key in hashes:
        parts = [next(found) for _ in LARGE_FIELDS]
        sizes[key] += sum(part for part in parts if isinstance(part, int))
    chunks: list[list[tuple[str, str]]] = [[]]
    room = CHUNK_BYTES
    for key, kind in keys:
        size = sizes.get(key, 0)
        if chunks[-1] and (size > room or len(chunks[-1]) >= _AT_ONCE):
            chunks.append([])
            room = CHUNK_BYTES
        chunks[-1].append((key, kind))
        room -= size
    return chunks


def _encoded(row: Any) -> str:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value


__all__ = ["carried_ids", "remove_keys", "write_archive"]
