"""The table of contents and the list of printed pages: EPUB 3 nav, EPUB 2 NCX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audibook.errors import EpubError

from .archive import Archive
from .markup import Element, attribute, children, local_name, own_text, parse
from .package import Package, Reference, resolve

__all__ = ["Entry", "Navigation", "read_navigation"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A label and the place it points to; `level` is 1 unless it stands below other entries."""

    label: str
    place: Reference
    level: int = 1


@dataclass(frozen=True, slots=True)
class Navigation:
    """The entries of both lists in their own order; empty where the book has none."""

    contents: Sequence[Entry] = ()
    page_list: Sequence[Entry] = ()

    def whole(self) -> dict[str, str]:
        """The first label that points to each whole document, by the document's name."""
        whole: dict[str, str] = {}
        for entry in self.contents:
            if not entry.place.fragment:
                whole.setdefault(entry.place.name, entry.label)
        return whole

    def titles(self) -> dict[str, str]:
        """The label that stands for each whole document, by the document's name.

        No label where several point to places inside of it and none to its start.
        """
        inside: dict[str, list[str]] = {}
        for entry in self.contents:
            if entry.place.fragment:
                inside.setdefault(entry.place.name, []).append(entry.label)
        alone = {name: labels[0] for name, labels in inside.items() if len(labels) == 1}
        return alone | self.whole()


def read_navigation(archive: Archive, package: Package) -> Navigation:
    """What the navigation document says, completed by the NCX.

    A damaged navigation file only costs titles, so it is passed over.
    """
    contents: list[Entry] = []
    pages: list[Entry] = []
    for name, read in ((package.nav, _from_nav), (package.ncx, _from_ncx)):
        if name is None:
            continue
        try:
            found = read(archive, name, parse(archive.read(name), name))
        except EpubError:
            continue
        # A label of signs is an arrow back from a note, where the contents were made of all links.
        contents = contents or [e for e in found.contents if any(map(str.isalnum, e.label))]
        pages = pages or list(found.page_list)
    return Navigation(contents, pages)


def _from_nav(archive: Archive, name: str, root: Element) -> Navigation:
    lists: dict[str, list[Entry]] = {"toc": [], "page-list": []}
    for nav in root.iter():
        kinds = set(attribute(nav, "type").split()) & lists.keys()
        if local_name(nav) == "nav" and kinds:
            links = (e for e in nav.iter() if local_name(e) == "a")
            lists[kinds.pop()] += _entries(
                archive,
                name,
                ((own_text(a), attribute(a, "href"), _level(a, "ol")) for a in links),
            )
    return Navigation(lists["toc"], lists["page-list"])


def _from_ncx(archive: Archive, name: str, root: Element) -> Navigation:
    def targets(kind: str) -> Iterator[tuple[str, str, int]]:
        for point in root.iter():
            if local_name(point) == kind:
                # Further labels say the same in other languages.
                labels = (own_text(e) for e in children(point, "navlabel"))
                label = next(filter(None, labels), "")
                for content in children(point, "content"):
                    yield label, attribute(content, "src"), _level(content, kind)

    return Navigation(
        _entries(archive, name, targets("navpoint")), _entries(archive, name, targets("pagetarget"))
    )


def _level(element: Element, around: str) -> int:
    """How many elements of this name lie around it."""
    return sum(local_name(e) == around for e in element.iterancestors())


def _entries(archive: Archive, name: str, targets: Iterator[tuple[str, str, int]]) -> list[Entry]:
    found = (
        (label, resolve(archive, name, href), level)
        for label, href, level in targets
        if label and href
    )
    return [Entry(label, place, level) for label, place, level in found if place is not None]
