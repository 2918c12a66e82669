"""Loading jobs: hash, logs, children and lock of many ids with a few pipelines.

Chunks are bounded by count and by bytes, so a page of huge jobs, or of jobs with very many log rows
or children, does not fill the memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redis.exceptions import ResponseError

from bull2jet.errors import JobDamagedError
from bull2jet.findings import Finding, Severity
from bull2jet.model import Family, Job, QueueRef, State
from bull2jet.source.decoding import Reader
from bull2jet.source.door import Command, Door, text
from bull2jet.source.generation import Generation
from bull2jet.source.json_text import value_problem
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listed import Listing
from bull2jet.source.listing import Holder, is_marker, listed_elsewhere
from bull2jet.source.sizes import CHUNK_BYTES, ENTRY_BYTES, LARGE_FIELDS, values_sizes
from bull2jet.source.vanishing import MISSING

_PARTS = ("logs", "dependencies", "processed", "failed", "unsuccessful")
_COUNTING = ("LLEN", "SCARD", "HLEN", "HLEN", "ZCARD")  # the entries of each


@dataclass(slots=True)
class Loaded:
    """Some jobs of one holder, and what was wrong with the others."""

    jobs: list[Job] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    #: ids that are no jobs (markers), are listed elsewhere too, or stay behind
    passed: list[Listing] = field(default_factory=list)
    #: those that are listed elsewhere too -> where, which has the last word
    elsewhere: dict[str, str] = field(default_factory=dict)
    #: how many of those stay behind because of what is wrong with them
    damaged: int = 0


@dataclass(slots=True)
class _Look:
    """What is known of an id before its hash is read."""

    listing: Listing
    size: int
    parts: int
    problem: str = ""


class JobLoader:
    """Reads jobs of one queue."""

    def __init__(self, door: Door, queue: QueueRef, generation: Generation) -> None:
        self._door = door
        self._keys = QueueKeys(queue)
        self._queue = queue
        self._generation = generation

    async def load(self, holder: Holder, listings: Sequence[Listing]) -> AsyncIterator[Loaded]:
        """The jobs of these ids, in order, in chunks of bounded size."""
        listings, doubles = await self._without_doubles(holder, listings)
        if doubles.passed:
            yield doubles
        looks = await self._look(listings)
        chunk: list[_Look] = []
        size = 0
        for look in looks:
            if chunk and size + look.size > CHUNK_BYTES:
                yield await self._load_chunk(chunk)
                chunk, size = [], 0
            chunk.append(look)
            size += look.size
        if chunk:
            yield await self._load_chunk(chunk)

    async def _without_doubles(
        self, holder: Holder, listings: Sequence[Listing]
    ) -> tuple[list[Listing], Loaded]:
        """Leaves out ids that a stronger sorted set also lists: that set has the last word."""
        elsewhere = await listed_elsewhere(
            self._door, self._keys, holder, [listing.id for listing in listings]
        )
        result = Loaded(elsewhere=elsewhere)
        for listing in listings:
            where = elsewhere.get(listing.id)
            if where is None:
                continue
            result.passed.append(listing)
            text = f"listed in {holder.suffix} and in {where}; carried once, as {where}."
            result.findings.append(
                Finding(Severity.NOTE, "listed-twice", text, self._queue.key, listing.id)
            )
        return [listing for listing in listings if listing.id not in elsewhere], result

    async def _look(self, listings: Sequence[Listing]) -> list[_Look]:
        commands: list[Command] = []
        for listing in listings:
            key = self._keys.job(listing.id)
            commands += [("HSTRLEN", key, field) for field in LARGE_FIELDS]
            commands.append(("EXISTS", *(f"{key}:{part}" for part in _PARTS)))
        answers = iter(await self._door.calls(commands))
        looks = []
        for listing in listings:
            sizes = [next(answers) for _ in LARGE_FIELDS]
            parts = next(answers)
            if isinstance(sizes[0], Exception):
                looks.append(_Look(listing, 0, 0, _wrong_type(sizes[0])))
            else:
                looks.append(_Look(listing, sum(sizes), int(parts)))
        await self._add_parts([look for look in looks if look.parts])
        return looks

    async def _add_parts(self, looks: Sequence[_Look]) -> None:
        """Adds to the sizes what stands beside the jobs."""
        commands: list[Command] = []
        for look in looks:
            key = self._keys.job(look.listing.id)
            commands += [
                (verb, f"{key}:{part}") for verb, part in zip(_COUNTING, _PARTS, strict=True)
            ]
        counts = iter(await self._door.calls(commands))
        results: dict[str, int] = {}
        for look in looks:
            entries = [next(counts) for _ in _PARTS]
            look.size += ENTRY_BYTES * sum(number for number in entries if isinstance(number, int))
            if isinstance(entries[2], int) and entries[2]:
                results[self._keys.of_job(look.listing.id, "processed")] = entries[2]
        sizes = await values_sizes(self._door, results)
        for look in looks:
            look.size += sizes.get(self._keys.of_job(look.listing.id, "processed"), 0)

    async def _load_chunk(self, looks: Sequence[_Look]) -> Loaded:
        result = Loaded()
        reader = Reader(self._generation, self._queue.key)
        hashes = iter(
            await self._door.calls(
                [("HGETALL", self._keys.job(look.listing.id)) for look in looks if not look.problem]
            )
        )
        decoded: list[tuple[Job, _Look]] = []
        for look in looks:
            raw = {} if look.problem else next(hashes)
            job = self._decode(reader, look, raw, result)
            if job is not None:
                decoded.append((job, look))
        result.jobs = await self._with_parts(decoded, result)
        result.findings += reader.found
        return result

    def _decode(
        self, reader: Reader, look: _Look, raw: Mapping[bytes, bytes] | Exception, result: Loaded
    ) -> Job | None:
        listing = look.listing
        try:
            if look.problem or isinstance(raw, Exception):
                raise JobDamagedError("wrong-type", look.problem or _wrong_type(raw))
            if not raw and is_marker(listing.id):
                result.passed.append(listing)
                return None
            if not raw:
                raise JobDamagedError(
                    MISSING,
                    f"listed in state {listing.state}, but its hash is gone (evicted or deleted).",
                )
            return reader.decode(listing, raw)
        except JobDamagedError as damage:
            result.passed.append(listing)
            result.damaged += 1
            result.findings.append(
                Finding(Severity.LEFT, damage.code, str(damage), self._queue.key, listing.id)
            )
            return None

    async def _with_parts(self, jobs: Sequence[tuple[Job, _Look]], result: Loaded) -> list[Job]:
        commands: list[Command] = []
        for job, look in jobs:
            key = self._keys.job(job.id)
            if job.state is State.ACTIVE:
                commands.append(("PTTL", f"{key}:lock"))
            if look.parts:
                commands += [
                    ("LRANGE", f"{key}:logs", 0, -1),
                    ("SMEMBERS", f"{key}:dependencies"),
                    ("HGETALL", f"{key}:processed"),
                    ("HGETALL", f"{key}:failed"),
                    ("ZRANGE", f"{key}:unsuccessful", 0, -1, "WITHSCORES"),
                ]
        answers = iter(await self._door.calls(commands))
        complete = []
        for job, look in jobs:
            changes: dict[str, Any] = {}
            if job.state is State.ACTIVE:
                ttl = next(answers)
                changes["locked"] = isinstance(ttl, int) and ttl != -2
            if look.parts:
                parts = [next(answers) for _ in _PARTS]
                for name, answer in zip(_PARTS, parts, strict=True):
                    if isinstance(answer, Exception):
                        result.findings.append(self._part_lost(job, name))
                    elif _is_damaged(answer):
                        result.findings.append(self._no_text(job, name))
                logs, *family = (() if isinstance(p, Exception) else p for p in parts)
                changes["logs"] = tuple(_shown(row) for row in logs)
                changes["family"] = self._family(job, result, *family)
            complete.append(replace(job, **changes) if changes else job)
        return complete

    def _family(
        self, job: Job, result: Loaded, pending: Any, processed: Any, failed: Any, unsuccessful: Any
    ) -> Family:
        values = {text(child): _shown(value) for child, value in sorted(dict(processed).items())}
        for child, value in values.items():
            if value_problem(value):
                values[child] = json.dumps(value)
                result.findings.append(self._no_json(job, child))
        return Family(
            pending=tuple(sorted(text(child) for child in pending)),
            processed=values,
            failed={text(child): _shown(value) for child, value in sorted(dict(failed).items())},
            unsuccessful={
                text(unsuccessful[i]): _when(unsuccessful[i + 1])
                for i in range(0, len(unsuccessful), 2)
            },
        )

    def _no_json(self, job: Job, child: str) -> Finding:
        sentence = f"the result of its child {child!r} is no JSON and is carried as a string."
        return Finding(Severity.CHANGED, "broken-result", sentence, self._queue.key, job.id)

    def _no_text(self, job: Job, part: str) -> Finding:
        sentence = (
            f"{part} of it hold bytes that are no UTF-8, which are carried as question marks."
        )
        return Finding(Severity.CHANGED, "not-utf8", sentence, self._queue.key, job.id)

    def _part_lost(self, job: Job, part: str) -> Finding:
        return Finding(
            Severity.LEFT,
            "wrong-type",
            f"its key for {part} has another type than the library writes; {part} stay behind.",
            self._queue.key,
            job.id,
        )


def _when(score: bytes) -> int:
    """The ms of a score; Redis may hold an infinite one."""
    value = float(score)
    return 0 if math.isinf(value) else int(value)


def _is_damaged(part: Any) -> bool:
    """Whether log rows, or what children returned, hold bytes that are no text."""
    values = part.values() if isinstance(part, dict) else part
    return any(isinstance(value, bytes) and _shown(value).encode() != value for value in values)


def _shown(value: bytes) -> str:
    """Text that is only shown to people: broken UTF-8 becomes the replacement character."""
    return value.decode("utf-8", "replace")


def _wrong_type(answer: object) -> str:
    kind = "an error" if not isinstance(answer, ResponseError) else "a key of another type"
    return f"not carried: its key is no hash (Redis answered with {kind})."


__all__ = ["JobLoader", "Loaded"]
