"""Headings that only the table of contents, or their words, tell from other paragraphs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .blocks import Block, DocumentText
from .chapters import begins_chapter

__all__ = ["with_headings"]

_MOST_PARTS = 3
"""Paragraphs of one title: "Chapter I", "The Storm", "in which a ship is lost"."""
_LONGEST = 1000
"""Characters of a title; a longer paragraph is not compared with any."""
_LONGEST_TITLE = 100
_LEVEL = 1
_WORD = re.compile(r"\w+")


def with_headings(text: DocumentText, labels: Iterable[str]) -> DocumentText:
    """The text with each paragraph as a heading that is what the contents call a chapter.

    Also one that is short, without a full stop, and begins as titles of chapters do.

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
    blocks = [replace(b, level=_LEVEL) if _is_title(b) else b for b in blocks]
    return DocumentText(blocks, text.removed)


def _is_title(block: Block) -> bool:
    short = block.level is None and len(block.text) <= _LONGEST_TITLE
    ended = unicodedata.category(block.text[-1])[0] == "P"
    return short and not ended and block.joint == " " and begins_chapter(block.text)


def _as_headings(parts: Sequence[Block]) -> list[Block]:
    return [part if part.level else replace(part, level=_LEVEL) for part in parts]


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
