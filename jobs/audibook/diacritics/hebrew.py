"""Hebrew letters and the marks on them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from audibook.epub.sentences import cut_to_length, split_sentences

__all__ = ["chunks", "decomposed", "is_pointed", "letters", "without_marks"]

_MARKS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]")
_STRAY = re.compile(rf"(?<!\S){_MARKS.pattern}+(?!\S)")
_VOWELS = re.compile("[\u05b0-\u05bc\u05c7]")
_LETTERS = re.compile("[\u05d0-\u05ea]")
_FORMS = re.compile("[\ufb1d-\ufb4f]+")
_POINTED_SHARE = 0.3  # pointed text has marks on about seven of ten letters


def decomposed(text: str) -> str:
    """The text with letters and marks apart that old files hold as one character.

    Marks that stand between spaces, on no letter, are left out.
    """
    text = _FORMS.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return _STRAY.sub("", text)


def letters(text: str) -> int:
    """How many Hebrew letters the text has."""
    return len(_LETTERS.findall(text))


def is_pointed(text: str) -> bool:
    """Whether the text has its vowel marks already; single marked words do not count."""
    text = decomposed(text)
    return len(_VOWELS.findall(text)) >= max(1.0, letters(text) * _POINTED_SHARE)


def without_marks(text: str) -> str:
    """The text less vowel marks, dots, accents and stress."""
    return _MARKS.sub("", text)


def chunks(text: str, longest: int) -> list[str]:
    """The text in pieces of at most `longest` characters, cut at the ends of sentences.

    Put together the pieces are the text. Empty and blank text is one piece.
    """
    if len(text) <= longest:
        return [text]
    pieces: list[str] = []
    current = ""
    for sentence in split_sentences(text):
        for part in _parts(sentence, longest):
            if current and len(current) + len(part) > longest:
                pieces.append(current)
                current = ""
            current += part
    return [*pieces, current] if current else pieces


def _parts(sentence: str, longest: int) -> Iterator[str]:
    for part in cut_to_length(sentence, longest):
        # The white space that ends a part is not counted there, and counts here.
        for start in range(0, len(part), longest):
            yield part[start : start + longest]
