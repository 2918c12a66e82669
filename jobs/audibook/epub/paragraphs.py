"""Paragraphs to be spoken, made from the blocks of a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from .blocks import Block
from .sentences import cut_to_length, split_sentences

__all__ = ["ParagraphSizes", "make_paragraphs"]

_CLOSING = "\"'”’»)]%°"
"""What may stand behind the mark that ends a text, or behind its last word."""


@dataclass(frozen=True, slots=True)
class ParagraphSizes:
    """How long paragraphs are.

    They are filled up to `characters` or `words`, whichever is reached first; a single
    sentence may be longer, but never than `longest` characters.
    """

    characters: int = 600
    words: int = 150
    longest: int = 1000

    def fits(self, text: str) -> bool:
        """Whether the text is within both targets."""
        return len(text) <= self.characters and len(text.split()) <= self.words


def make_paragraphs(
    blocks: Iterable[Block | str], sizes: ParagraphSizes | None = None
) -> list[str]:
    """The paragraphs in order.

    Neighbouring blocks are joined while they fit; a heading stands alone. Between them is a
    space, but a line end or a tab where an item of a list, a row or a cell ends without a full
    stop: `speech.with_pauses` makes pauses of them.
    """
    sizes = sizes or ParagraphSizes()
    paragraphs: list[str] = []
    current = ""
    for block in blocks:
        text = " ".join((block if isinstance(block, str) else block.text).split())
        if not text:
            continue
        heading = isinstance(block, Block) and block.level is not None
        joined = f"{current}{_joint(current, block)}{text}" if current else text
        if heading or (current and not sizes.fits(joined)):
            paragraphs += _split(current, sizes)
            current = ""
            joined = text
        if heading:
            paragraphs += _split(text, sizes)
        else:
            current = joined
    return paragraphs + _split(current, sizes)


def _joint(before: str, block: Block | str) -> str:
    """What stands between the text before, unless it ends with a mark, and the block."""
    last = before.rstrip(_CLOSING)[-1:]
    ended = unicodedata.category(last)[0] == "P" if last else False
    return " " if ended or isinstance(block, str) else block.joint


def _split(text: str, sizes: ParagraphSizes) -> list[str]:
    """The text as one paragraph if it fits, else cut at the ends of sentences."""
    if not text or sizes.fits(text):
        return [text] if text else []
    paragraphs: list[str] = []
    current = ""
    for sentence in split_sentences(text):
        for piece in cut_to_length(sentence, sizes.longest):
            if current and not sizes.fits((current + piece).rstrip()):
                paragraphs.append(current.strip())
                current = ""
            current += piece
    return [*paragraphs, current.strip()] if current.strip() else paragraphs
