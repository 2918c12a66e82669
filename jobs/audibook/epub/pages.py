"""Cutting the text of a document into pages at the signs found in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .blocks import BLOCK_SEPARATOR, Block, DocumentText, Mark
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
    for start_break, end_break in pairwise(bounds):
        start = start_break.position if start_break else 0
        end = end_break.position if end_break else length
        stretches.append(Stretch(start, end, _between(text, start, end), start_break, end_break))
    return stretches


def _breaks(text: DocumentText) -> list[PageBreak]:
    found = []
    offset = 0
    for block in text.blocks:
        for mark in block.marks:
            position = offset + _sentence_start(block, mark)
            found.append(PageBreak(position, mark.kind, mark.confidence, mark.label))
        offset += len(block.text) + len(BLOCK_SEPARATOR)
    return found


def _sentence_start(block: Block, mark: Mark) -> int:
    """Where the first sentence at or after the mark begins; the block's end at the latest."""
    start = 0
    for sentence in split_sentences(block.text):
        if start >= mark.offset:
            return start
        start += len(sentence)
    return len(block.text) + len(BLOCK_SEPARATOR) if mark.offset else 0


def _thinned(breaks: Sequence[PageBreak], distance: int) -> list[PageBreak]:
    kept: list[PageBreak] = []
    for candidate in sorted(breaks, key=lambda b: b.position):
        if not kept or candidate.position - kept[-1].position >= distance:
            kept.append(candidate)
        elif candidate.confidence > kept[-1].confidence:
            kept[-1] = candidate
    return kept


def _between(text: DocumentText, start: int, end: int) -> list[Block]:
    blocks = []
    offset = 0
    for block in text.blocks:
        part = block.text[max(0, start - offset) : max(0, end - offset)].strip()
        if part:
            blocks.append(block if part == block.text else replace(block, text=part, marks=()))
        offset += len(block.text) + len(BLOCK_SEPARATOR)
    return blocks
