"""Words that a hyphen parts at the end of a line, as in books made from printed pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import chain

from .blocks import Block, DocumentText, Mark

__all__ = ["with_whole_words"]

_RULE = "hyphen at a line's end"
_LETTERS = r"[^\W\d_]"
_PARTED = re.compile(rf"(?<!\w)({_LETTERS}{{2,}})[-\u2010] (?=({_LETTERS}+))")
# Only from where the letters begin: not again from each letter of a very long word.
_ENDING = re.compile(rf"(?<!{_LETTERS})({_LETTERS}{{2,}}+)[-\u2010]$")
_BEGINNING = re.compile(rf"{_LETTERS}+")
_WORD = re.compile(rf"{_LETTERS}+(?:[-\u2010]{_LETTERS}+)*")


def with_whole_words(text: DocumentText) -> DocumentText:
    """The text with such words put together.

    Within a paragraph only where the document has the whole word elsewhere: "pre- and post-war"
    stays as it is. A block that ends so is one with the next that goes on in small letters, as
    where each line is a block; the hyphen stays where the word has it elsewhere.
    """
    blocks = text.blocks
    if not any(_PARTED.search(b.text) or _ENDING.search(b.text) for b in blocks):
        return text
    words = {w.casefold() for w in chain.from_iterable(_WORD.findall(b.text) for b in blocks)}
    whole: list[Block] = []
    for block in blocks:
        if whole and _goes_on(whole[-1], block):
            whole[-1] = _joined(whole[-1], block, words)
        else:
            whole.append(block)
    whole = [_without_parted(block, words) for block in whole]
    return DocumentText(whole, text.removed + Counter({_RULE: _hyphens(blocks) - _hyphens(whole)}))


def _hyphens(blocks: Sequence[Block]) -> int:
    return sum(block.text.count("-") + block.text.count("\u2010") for block in blocks)


def _goes_on(before: Block, block: Block) -> bool:
    if before.level or block.level or block.joint != " " or before.list_number != block.list_number:
        return False
    begun = _BEGINNING.match(block.text)
    return _ENDING.search(before.text) is not None and begun is not None and begun.group().islower()


def _joined(before: Block, block: Block, words: Set[str]) -> Block:
    first, second = _ENDING.search(before.text), _BEGINNING.match(block.text)
    hyphened = f"{first.group(1)}-{second.group()}" if first and second else ""
    start = before.text if hyphened.casefold() in words else before.text[:-1]
    later = (replace(mark, offset=mark.offset + len(start)) for mark in block.marks)
    return replace(
        before,
        text=start + block.text,
        linked=before.linked and block.linked,
        links=before.links | block.links,
        marks=(*before.marks, *later),
    )


def _without_parted(block: Block, words: Set[str]) -> Block:
    """The block with the words put together that stand elsewhere as well."""
    parts: list[str] = []
    marks: list[Mark] = list(block.marks)
    start = 0
    for found in _PARTED.finditer(block.text):
        second = found.group(2)
        if second.islower() and (found.group(1) + second).casefold() in words:
            parts.append(block.text[start : found.end(1)])
            start = found.end()
            taken = sum(map(len, parts))
            marks = [
                replace(m, offset=max(taken, m.offset - (found.end() - found.end(1))))
                if m.offset > taken
                else m
                for m in marks
            ]
    if not parts:
        return block
    return replace(block, text="".join([*parts, block.text[start:]]), marks=tuple(marks))
