"""How large jobs are, before they are read: so that a chunk of them does not fill the memory."""

from __future__ import annotations

from collections.abc import Mapping

from bull2jet.source.door import Command, Door

CHUNK_BYTES = 4_000_000
#: what a log row, a child or another entry is taken to have at least
ENTRY_BYTES = 200
#: what may be large of a job's own hash
LARGE_FIELDS = ("data", "stacktrace", "returnvalue", "failedReason", "progress")
_SAMPLED = 8  # values of a hash
_NAMED = 10_000  # fields of a hash whose names are asked for


async def values_sizes(door: Door, hashes: Mapping[str, int]) -> dict[str, int]:
    """What the values of these hashes, given with their numbers of fields, have in bytes together.

    Estimated from some; one of very many fields is read alone in any case.
    """
    short = [key for key, number in hashes.items() if number <= _NAMED]
    names = await door.calls([("HKEYS", key) for key in short])
    sampled = {
        key: fields[:_SAMPLED]
        for key, fields in zip(short, names, strict=True)
        if isinstance(fields, list) and fields
    }
    commands: list[Command] = [
        ("HSTRLEN", key, field) for key, fields in sampled.items() for field in fields
    ]
    answers = iter(await door.calls(commands))
    sizes = dict.fromkeys(hashes, CHUNK_BYTES)
    for key in short:
        lengths = [next(answers) for _ in sampled.get(key, ())]
        known = [length for length in lengths if isinstance(length, int)]
        sizes[key] = hashes[key] * sum(known) // max(1, len(known))
    return sizes


__all__ = ["CHUNK_BYTES", "ENTRY_BYTES", "LARGE_FIELDS", "values_sizes"]
