"""Which keys stand below the roots of queues, found by one SCAN for all of them.

SCAN looks at every key of the database, whose ever it is: of hundreds of queues each on its own
pass Redis would be asked for the same million keys hundreds of times. What is found is kept packed,
some ten bytes a key.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator

from bull2jet.source.door import Door, text
from bull2jet.source.keys import glob_escaped

_PAGE = 500  # keys
#: keys of deduplication ids, and of the adds that are remembered with them
DEDUPLICATION = "d[en]:"
_BEGINNINGS = {DEDUPLICATION: ("de:", "dn:"), "": ("",)}


class Packed:
    """Very many keys in little memory: what follows the root in each, by root."""

    def __init__(self) -> None:
        self._pages: dict[str, list[bytes]] = {}
        self._open: dict[str, list[str]] = {}

    def add(self, root: str, rest: str) -> None:
        """One more key of that root."""
        page = self._open.setdefault(root, [])
        page.append(rest)
        if len(page) == _PAGE:
            packed = zlib.compress(json.dumps(page).encode(), 1)
            self._pages.setdefault(root, []).append(packed)
            page.clear()

    def roots(self) -> list[str]:
        """The roots that have any."""
        return list(self._open)

    def below(self, root: str) -> Iterator[list[str]]:
        """What follows the root in its keys, page by page, in the order they were added."""
        for page in self._pages.get(root, ()):
            yield json.loads(zlib.decompress(page))
        if self._open.get(root):
            yield self._open[root]


class KeyIndex:
    """The keys below some roots, `<prefix>:<queue>`, of one family or of all.

    `known` are the roots of all queues there are: a key belongs to the longest one.
    """

    def __init__(
        self, door: Door, roots: Iterable[str], known: Iterable[str] = (), family: str = ""
    ) -> None:
        self._door = door
        self._roots = frozenset(roots)
        self._known = self._roots.union(known)
        self._family = family
        self._packed: Packed | None = None
        self._counters: dict[str, str | None] = {}

    async def below(self, root: str, *, fresh: bool = False) -> AsyncIterator[list[str]]:
        """The keys below one of the roots, page by page; a key may come twice, as SCAN allows.

        `fresh`: also those that adds have made since they were looked for. Whatever makes a
        deduplication key counts up the queue's id counter first, in one step with it.
        """
        if self._packed is None or (fresh and await self._has_grown(root)):
            self._counters = await self._counts(self._roots)  # before the keys
            self._packed = await self._found()
        for page in self._packed.below(root):
            yield [f"{root}:{rest}" for rest in page]

    async def _has_grown(self, root: str) -> bool:
        return await self._counts([root]) != {root: self._counters[root]}

    async def _counts(self, roots: Collection[str]) -> dict[str, str | None]:
        answers = await self._door.calls([("GET", f"{root}:id") for root in roots])
        return {
            root: text(answer) if isinstance(answer, bytes) else None
            for root, answer in zip(roots, answers, strict=True)
        }

    async def _found(self) -> Packed:
        packed = Packed()
        beginnings = _BEGINNINGS[self._family]
        async for keys in self._door.keys(self._pattern()):
            for key in keys:
                root = longest_root(key, self._known)
                rest = key[len(root) + 1 :]
                if root in self._roots and rest.startswith(beginnings):
                    packed.add(root, rest)
        return packed

    def _pattern(self) -> str:
        """What Redis need not send is left out there."""
        if len(self._roots) == 1:
            (root,) = self._roots
            return f"{glob_escaped(root)}:{self._family}*"
        return f"*:{self._family}*"


def longest_root(key: str, roots: Collection[str]) -> str:
    """The longest of the roots that a key stands below, empty if it stands below none."""
    while ":" in key:
        key = key.rpartition(":")[0]
        if key in roots:
            return key
    return ""


__all__ = ["DEDUPLICATION", "KeyIndex", "Packed", "longest_root"]
