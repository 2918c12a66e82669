"""Where the chapters of the table of contents begin, within documents and beyond their ends."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from .blocks import Block
from .navigation import Entry, Navigation

__all__ = ["Start", "chapter_anchors", "chapter_starts", "sections"]

Start = tuple[int, str]
"""The order of a page's paragraph with which a chapter begins, and the chapter's title."""

_LONGEST_BEFORE = 500
"""Characters before the first chapter of a document that belong to it, such as the part's title."""


def chapter_anchors(navigation: Navigation) -> dict[str, dict[str, str]]:
    """Ids of elements at which chapters begin, with their titles, by the document's name.

    Chapters of one document are what the contents list there at the uppermost level, unless that
    is below the document itself; all they list where it is the only one.
    """
    documents: dict[str, list[Entry]] = {}
    for entry in navigation.contents:
        documents.setdefault(entry.place.name, []).append(entry)
    anchors: dict[str, dict[str, str]] = {}
    for name, entries in documents.items():
        uppermost = min(entry.level for entry in entries)
        for entry in entries:
            if entry.place.fragment and (entry.level == uppermost or len(documents) == 1):
                anchors.setdefault(name, {}).setdefault(entry.place.fragment, entry.label)
    return anchors


def sections(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks, parted before each one that has a mark."""
    parted: list[list[Block]] = [[]]
    for block in blocks:
        if block.marks and parted[-1]:
            parted.append([])
        parted[-1].append(block)
    return parted


def chapter_starts(
    parted: Sequence[Sequence[Block]],
    paragraphs: Sequence[Sequence[str]],
    title: str | None,
    *,
    follows: bool,
) -> list[Start]:
    """Where chapters begin on a page of these sections, each cut into paragraphs.

    `title` is that of the whole page, None where its beginning has none. The beginning then goes
    on with the chapter of the page before, if it `follows` one.
    """
    orders = accumulate(map(len, paragraphs), initial=0)
    labels = [next((m.label for m in part[0].marks if m.label), None) for part in parted]
    starts = [(order, label) for order, label in zip(orders, labels, strict=False) if label]
    before = " ".join(paragraphs[0]) if starts and starts[0][0] else ""
    if title is None and before and (len(before) < _LONGEST_BEFORE or not follows):
        starts[0] = (0, starts[0][1])
    elif title is not None and (not starts or starts[0][0]):
        starts.insert(0, (0, title))
    return starts
