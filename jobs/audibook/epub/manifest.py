"""The manifest: which files a book has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Item", "Manifest"]

_XHTML = {
    *("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"),
    *("application/xml", "text/xml"),
}
_TEXT_SUFFIXES = (".xhtml", ".html", ".htm", ".xht", ".xml")


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the manifest; `name` is its name in the archive, None when it is missing."""

    id: str
    href: str
    name: str | None
    media_type: str
    properties: frozenset[str]
    fallback: str

    @property
    def is_text(self) -> bool:
        """Whether it is a document, by its type or its name."""
        return self.media_type in _XHTML or self.href.lower().endswith(_TEXT_SUFFIXES)


class Manifest:
    """The items in their order; of those with one id each is found, documents first."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items: Sequence[Item] = tuple(items)
        self._by_id: dict[str, list[Item]] = {}
        for item in sorted(self.items, key=lambda item: not item.is_text):
            self._by_id.setdefault(item.id, []).append(item)

    def get(self, item_id: str) -> Item | None:
        """The first item of this id."""
        return next(iter(self._by_id.get(item_id, ())), None)

    def referred(self, ids: Iterable[str]) -> Iterator[tuple[str, Item | None]]:
        """Each id with the item it means, None where there is none.

        An id that comes again means the next of the items which wrongly share it, such as the
        chapters a tool calls by their headings.
        """
        seen: Counter[str] = Counter()
        for item_id in ids:
            items = self._by_id.get(item_id, [])
            yield item_id, items[min(seen[item_id], len(items) - 1)] if items else None
            seen[item_id] += 1
