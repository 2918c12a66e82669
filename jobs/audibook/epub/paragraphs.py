"""Paragraphs to be spoken, made from the blocks of a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .blocks import Block
from .sentences import cut_to_length, split_sentences

__all__ = ["ParagraphSizes", "make_paragraphs"]


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

    Neighbouring blocks are joined by a space while they fit; a heading stands alone.
    """
    sizes = sizes or ParagraphSizes()
    paragraphs: list[str] = []
    current = ""
    for block in blocks:
        text = " ".join((block if isinstance(block, str) else block.text).split())
        if not text:
            continue
        heading = isinstance(block, Block) and block.level is not None
        joined = f"{current} {text}" if current else text
        if heading or (current and not sizes.fits(joined)):
            paragraphs += _split(current, sizes)
            current = ""
            joined = text
        if heading:
            paragraphs += _split(text, sizes)
        else:
            current = joined
    return paragraphs + _split(current, sizes)


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
