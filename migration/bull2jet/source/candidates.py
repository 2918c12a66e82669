"""Roots, `<prefix>:<queue>`, that may be a queue's: told by the names and types of their keys.

Other programs have keys like `user:7:id` or `session:x:meta`, perhaps a million of them. So a root
is looked at closely only if the keys that SCAN has brought may be a queue's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bull2jet.source.door import Command, Door, text
from bull2jet.source.key_types import TYPES, well_typed
from bull2jet.source.settings import number

#: suffixes that make a key's root a candidate; none of them is a part of a job's key
TELLING = (
    "id", "meta", "meta-paused", "wait", "paused", "active", "delayed", "completed", "repeat",
    "waiting-children", "prioritized", "events",
)  # fmt: skip
#: fields of `meta` by which a library makes itself known
NOTED = ("version", "opts.maxLenEvents")
_AT_ONCE = 500
_Suffixes = frozenset[str]


@dataclass(slots=True)
class Candidates:
    """What the names and types of all keys tell."""

    roots: list[str] = field(default_factory=list)
    #: roots that have nothing but a number for `id`
    counters: list[str] = field(default_factory=list)
    #: roots whose keys the user may not read
    closed: list[str] = field(default_factory=list)


async def candidates(door: Door, patterns: Sequence[str]) -> Candidates:
    """The candidates among the keys that match one of the patterns."""
    result = Candidates()
    for some in _in_parts(await _seen(door, patterns)):
        await _judge(door, some, result)
    return result


async def _seen(door: Door, patterns: Sequence[str]) -> dict[str, _Suffixes]:
    """Every root that a key makes a candidate, and the suffixes of its keys."""
    seen: dict[str, _Suffixes] = {}
    shared: dict[_Suffixes, _Suffixes] = {}  # few sets for very many roots
    for pattern in patterns:
        async for page in door.keys(pattern):
            for root, suffix in (told for key in page for told in _parted(key)):
                suffixes = seen.get(root, frozenset()) | {suffix}
                seen[root] = shared.setdefault(suffixes, suffixes)
    return {root: suffixes for root, suffixes in seen.items() if suffixes.intersection(TELLING)}


def _parted(key: str) -> Iterator[tuple[str, str]]:
    """The roots that a key may have, and its suffix below each."""
    rest, _, last = key.rpartition(":")
    if last in TYPES and ":" in rest:
        yield rest, last
    rest, _, last_but_one = rest.rpartition(":")
    if f"{last_but_one}:{last}" in TYPES and ":" in rest:
        yield rest, f"{last_but_one}:{last}"


async def _judge(door: Door, some: Mapping[str, _Suffixes], result: Candidates) -> None:
    places = [(root, suffix) for root, suffixes in some.items() for suffix in suffixes]
    answers = await door.calls([("TYPE", f"{r}:{s}") for r, s in places], closed_keys=True)
    types: dict[str, dict[str, str]] = {root: {} for root in some}
    for (root, suffix), kind in zip(places, answers, strict=True):
        if isinstance(kind, Exception):
            result.closed += [root] if types.pop(root, None) is not None else []
        elif root in types:
            types[root][suffix] = text(kind)
    right = {root: well_typed(kinds) for root, kinds in types.items()}
    lone = {root: next(iter(kinds)) for root, kinds in right.items() if len(kinds) == 1}
    asked = {root: suffix for root, suffix in lone.items() if suffix in ("id", "meta")}
    commands: list[Command] = [
        ("GET", f"{root}:id") if suffix == "id" else ("HMGET", f"{root}:meta", *NOTED)
        for root, suffix in asked.items()
    ]
    told = dict(zip(asked, await door.calls(commands), strict=True))
    for root, kinds in right.items():
        answer = told.get(root)
        if root not in asked:
            result.roots += [root] if kinds else []
        elif isinstance(answer, list):
            result.roots += [root] if any(answer) else []
        elif isinstance(answer, bytes) and number(text(answer)) is not None:
            result.counters.append(root)


def _in_parts(seen: Mapping[str, _Suffixes]) -> Iterator[dict[str, _Suffixes]]:
    rows = iter(sorted(seen.items()))
    while some := dict(islice(rows, _AT_ONCE)):
        yield some


__all__ = ["NOTED", "TELLING", "Candidates", "candidates"]
