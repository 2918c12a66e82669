"""Headings that only the table of contents tells from other paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .blocks import Block, DocumentText

__all__ = ["with_headings"]

_MOST_PARTS = 3
"""Paragraphs of one title: "Chapter I", "The Storm", "in which a ship is lost"."""
_LONGEST = 1000
"""Characters of a title; a longer paragraph is not compared with any."""
_LEVEL = 1
_WORD = re.compile(r"\w+")


def with_headings(text: DocumentText, labels: Iterable[str]) -> DocumentText:
    """The text with each paragraph as a heading that is what the contents call a chapter.

    In books from word processors, and in those laid out by classes only, no element says that it
    is one, and it would be read as the beginning of the sentence below it.
    """
    wanted = {_words(label) for label in labels} - {""}
    blocks = list(text.blocks)
    for start in range(len(blocks) if wanted else 0):
        for end in range(start + 1, min(start + _MOST_PARTS, len(blocks)) + 1):
            parts = blocks[start:end]
            if len(parts[-1].text) > _LONGEST:
                break
            if _words(" ".join(part.text for part in parts)) in wanted:
                blocks[start:end] = _as_headings(parts)
    return DocumentText(blocks, text.removed)


def _as_headings(parts: Sequence[Block]) -> list[Block]:
    return [part if part.level else replace(part, level=_LEVEL) for part in parts]


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
