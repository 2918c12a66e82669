"""Cutting the text of a document into pages at the signs found in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from .blocks import BLOCK_SEPARATOR, Block, DocumentText
from .sentences import split_sentences

__all__ = ["PageBreak", "Stretch", "cut_into_pages"]


@dataclass(frozen=True, slots=True)
class PageBreak:
    """A place where a page begins: an offset in characters into the document's text."""

    position: int
    kind: str
    confidence: float
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The text between two breaks; a missing break is the document's own start or end."""

    start: int
    end: int
    blocks: Sequence[Block]
    start_break: PageBreak | None
    end_break: PageBreak | None


def cut_into_pages(
    text: DocumentText, *, min_confidence: float = 0.6, distance: int = 50
) -> list[Stretch]:
    """The stretches in order; together they hold the whole text.

    Signs below `min_confidence` do not count. Of two less than `distance` characters
    apart the surer one counts, the first if they are equal. A break inside a sentence
    waits for its end, so that no sentence is spoken in two halves.
    """
    breaks = [b for b in _breaks(text) if b.confidence >= min_confidence]
    breaks = [b for b in _thinned(breaks, distance) if b.position > 0]
    bounds: list[PageBreak | None] = [None, *breaks, None]
    stretches = []
    length = len(text.text)
    offsets = _offsets(text)
    for start_break, end_break in pairwise(bounds):
        start = start_break.position if start_break else 0
        end = end_break.position if end_break else length
        stretches.append(
            Stretch(start, end, _between(text, offsets, start, end), start_break, end_break)
        )
    return stretches


def _offsets(text: DocumentText) -> list[int]:
    """Where each block begins in the text."""
    lengths = (len(block.text) + len(BLOCK_SEPARATOR) for block in text.blocks)
    return list(accumulate(lengths, initial=0))[:-1]


def _breaks(text: DocumentText) -> list[PageBreak]:
    found = []
    for offset, block in zip(_offsets(text), text.blocks, strict=True):
        if not block.marks:
            continue
        starts = _sentence_starts(block)
        for mark in block.marks:
            # A break waits for the next sentence, at the latest for the next block.
            start = min(bisect_left(starts, mark.offset), len(starts) - 1)
            position = offset + starts[start]
            found.append(PageBreak(position, mark.kind, mark.confidence, mark.label))
    return found


def _sentence_starts(block: Block) -> list[int]:
    """Where the block's sentences begin, and then where the next block does."""
    starts = list(accumulate(map(len, split_sentences(block.text)), initial=0))
    return [*starts[:-1], len(block.text) + len(BLOCK_SEPARATOR)]


def _thinned(breaks: Sequence[PageBreak], distance: int) -> list[PageBreak]:
    kept: list[PageBreak] = []
    for candidate in sorted(breaks, key=lambda b: b.position):
        if not kept or candidate.position - kept[-1].position >= distance:
            kept.append(candidate)
        elif candidate.confidence > kept[-1].confidence:
            kept[-1] = candidate
    return kept


def _between(text: DocumentText, offsets: Sequence[int], start: int, end: int) -> list[Block]:
    blocks = []
    first = max(0, bisect_right(offsets, start) - 1)
    for index in range(first, len(offsets)):
        offset, block = offsets[index], text.blocks[index]
        if offset >= end:
            break
        part = block.text[max(0, start - offset) : end - offset].strip()
        if part:
            blocks.append(block if part == block.text else replace(block, text=part, marks=()))
    return blocks
