"""Finding the queues in a Redis database, by SCAN and the types of a few keys per candidate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bull2jet.errors import SourceError
from bull2jet.findings import Finding, Severity
from bull2jet.model import QueueRef
from bull2jet.source.candidates import NOTED, TELLING, Candidates, candidates
from bull2jet.source.door import Command, Door, text
from bull2jet.source.generation import Generation, Library, detect
from bull2jet.source.key_types import OWN_TYPES, TYPES, well_typed
from bull2jet.source.keys import QUEUE_SUFFIXES, QueueKeys, glob_escaped
from bull2jet.source.listing import is_marker, usable
from bull2jet.source.roots import doubtful, part_roots
from bull2jet.source.settings import read_meta

#: what is written to stop the workers, and to keep what is taken over
_STOPPING = frozenset({"wait", "paused", "meta", "meta-paused", "marker", *OWN_TYPES})


@dataclass(frozen=True, slots=True)
class QueueFound:
    """A queue, the library that wrote it, and the types of its keys by suffix."""

    queue: QueueRef
    generation: Generation
    types: dict[str, str]


@dataclass(slots=True)
class Discovery:
    """What a pass over the database brought to light."""

    queues: list[QueueFound] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


async def discover(
    door: Door, prefixes: Sequence[str] = (), only: Collection[str] = ()
) -> Discovery:
    """All queues below `prefixes` (all prefixes when empty), or only those named in `only`.

    A name in `only` is a queue's name or its full `<prefix>:<queue>`.
    """
    result = Discovery()
    patterns = [f"{glob_escaped(prefix)}:*" for prefix in prefixes] or ["*"]
    seen = await candidates(door, patterns)
    if seen.closed and not seen.roots:
        raise SourceError(
            f"Redis at {door.address} cannot be used: the user may not read the keys of "
            f"{seen.closed[0]}{_and_others(seen.closed)}; docs/migration.md names the rights."
        )
    _note_others(seen, result)
    for queue in await part_roots(door, seen.roots, prefixes):
        if only and queue.name not in only and queue.key not in only:
            continue
        await _examine(door, queue, result)
    if not prefixes:
        queues = [found.queue for found in result.queues]
        doubts = [await doubtful(door, queue, queues) for queue in queues]
        result.findings += [doubt for doubt in doubts if doubt]
    _name_missing(result, only)
    return result


async def _examine(door: Door, queue: QueueRef, result: Discovery) -> None:
    keys = QueueKeys(queue)
    all_types = await _all_types(door, keys)
    types = well_typed(all_types)
    meta = await read_meta(door, keys) if "meta" in types else {}
    samples = await _sample_fields(door, keys, types)
    sample = set().union(*samples)
    markers = await _has_marker(door, keys, types)
    if not _is_queue(meta, types, sample):
        return
    told = ["marker-entry"] if markers else []
    finished = (types.get("completed"), types.get("failed"))
    told += [f"finished-{kind}" for kind in ("set", "zset") if kind in finished]
    told += ["later-job"] if any("attempts" not in fields for fields in samples) else []
    generation = detect(meta, [*types, *told], sample)
    result.queues.append(QueueFound(queue, generation, types))
    for suffix, kind in all_types.items():
        expected = TYPES.get(suffix)
        if expected is None or suffix in types:
            continue
        if suffix in _STOPPING or kind != "hash" or not await _is_job(door, keys, suffix):
            result.findings.append(_misfit(keys, suffix, kind, expected))
    if generation.library is Library.BULLMQ_PRO:
        result.findings.append(
            Finding(
                Severity.STOP,
                "bullmq-pro",
                "the queue was written by BullMQ Pro, whose groups have no counterpart; drain it "
                "with its own workers or leave it out with --queues.",
                queue.key,
            )
        )


async def _is_job(door: Door, keys: QueueKeys, job_id: str) -> bool:
    """Whether a job has that id, which most libraries give to no key of their own."""
    return bool(await door.call("HEXISTS", keys.job(job_id), "timestamp"))


def _misfit(keys: QueueKeys, suffix: str, kind: str, expected: str) -> Finding:
    what = f"the key {keys(suffix)!r} is a {kind}, not a {expected}"
    if suffix not in _STOPPING:
        return Finding(Severity.LEFT, "wrong-type", f"{what}; it stays as it is.", keys.queue.key)
    return Finding(
        Severity.STOP,
        "wrong-type",
        f"{what}, so its workers cannot be stopped, nor its jobs kept while they move (a job may "
        "have that id); remove it, or leave the queue out with --queues.",
        keys.queue.key,
    )


async def current_types(door: Door, queue: QueueRef) -> dict[str, str]:
    """Types by suffix of the queue's keys that exist now with the type the library gives them."""
    return well_typed(await _all_types(door, QueueKeys(queue)))


async def holds_anything_of(door: Door, root: str) -> bool:
    """Whether Redis has a key by which a queue of this root, `<prefix>:<queue>`, is told.

    One key at a time: in a cluster, those of a root without braces lie in several slots.
    """
    for suffix in TELLING:
        if await door.call("EXISTS", f"{root}:{suffix}"):
            return True
    return False


async def misfits(door: Door, queue: QueueRef) -> set[str]:
    """Suffixes of the queue's keys that have a type no library gives them."""
    types = await _all_types(door, QueueKeys(queue))
    return types.keys() - well_typed(types).keys()


async def _all_types(door: Door, keys: QueueKeys) -> dict[str, str]:
    suffixes = sorted(QUEUE_SUFFIXES | OWN_TYPES.keys())
    answers = await door.calls([("TYPE", keys(suffix)) for suffix in suffixes])
    return {
        suffix: text(answer)
        for suffix, answer in zip(suffixes, answers, strict=True)
        if isinstance(answer, (bytes, str)) and text(answer) != "none"
    }


async def _sample_fields(door: Door, keys: QueueKeys, types: dict[str, str]) -> list[set[str]]:
    """Names of the hash fields of the first jobs of each state, and of the last ones of lists."""
    commands: list[Command] = []
    for holder in usable(types):
        key = keys(holder.suffix)
        if holder.is_set:
            commands.append(("SRANDMEMBER", key, 3))
        elif holder.is_list:
            commands += [("LRANGE", key, 0, 2), ("LRANGE", key, -3, -1)]
        else:
            commands.append(("ZRANGE", key, 0, 2))
    ids = [text(i) for ids in await door.calls(commands) if isinstance(ids, list) for i in ids]
    answers = await door.calls([("HKEYS", keys.job(job_id)) for job_id in dict.fromkeys(ids)])
    return [
        {text(name) for name in answer} for answer in answers if isinstance(answer, list) and answer
    ]


async def _has_marker(door: Door, keys: QueueKeys, types: dict[str, str]) -> bool:
    ends = [
        ("LINDEX", keys(key), end) for key in ("wait", "paused") if key in types for end in (0, -1)
    ]
    return any(isinstance(i, bytes) and is_marker(text(i)) for i in await door.calls(ends))


def _is_queue(meta: dict[str, str], types: dict[str, str], sample: set[str]) -> bool:
    if "meta-paused" in types or any(name in meta for name in NOTED):
        return True
    if not OWN_TYPES.keys().isdisjoint(types):  # its jobs were taken over
        return True
    if {"opts", "timestamp"} <= sample or {"name", "data"} <= sample:
        return True
    return "id" in types and len(types) > 1


def _note_others(seen: Candidates, result: Discovery) -> None:
    """Says what was taken for another program's: for each what it is, once with an example."""
    if seen.counters:
        root, others = seen.counters[0], _and_others(seen.counters)
        text = f"nothing but an id counter{others}; taken for another program's key."
        result.findings.append(Finding(Severity.NOTE, "bare-counter", text, root))
    if seen.closed:
        root, others = seen.closed[0], _and_others(seen.closed)
        text = f"the user may not read these keys{others}; a queue there would be left out."
        result.findings.append(Finding(Severity.NOTE, "no-right", text, root))


def _and_others(roots: Sequence[str]) -> str:
    return f" (and {len(roots) - 1:,} more like it)" if len(roots) > 1 else ""


def _name_missing(result: Discovery, only: Collection[str]) -> None:
    seen = {name for found in result.queues for name in (found.queue.name, found.queue.key)}
    for name in sorted(set(only) - seen):
        result.findings.append(
            Finding(
                Severity.STOP,
                "no-such-queue",
                f"no queue is called {name!r} in this database; check --queues, --prefix and the "
                "database number in the address.",
            )
        )


__all__ = [
    "Discovery",
    "QueueFound",
    "current_types",
    "discover",
    "holds_anything_of",
    "misfits",
]
