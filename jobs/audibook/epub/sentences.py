"""Cutting text into sentences, and into smaller pieces where a sentence is too long.

Each function gives pieces which, put together, are the text again: nothing is lost.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cut_to_length", "split_sentences"]

_CLOSERS = "\"'”’»›)\\]』」）】》״׳"
_ENDS = ".!?…‼⁇⁈⁉։׃؟۔।॥።፧།༎။៕។"
# A run of ends is looked at once, from its first: not again from each of a row of dots.
_END = re.compile(
    rf"(?:(?<![{_ENDS}])[{_ENDS}]++[{_CLOSERS}]*+(?:\s+|$)|(?:[。！？｡]|．(?!\d))+[{_CLOSERS}]*\s*|\n\s*)"
)
# A comma within a number ends nothing.
_CLAUSE = re.compile(r"[,;:،؛]+[\"'”’»)\]]*\s+|[、，；：—–]+[\"'”’»)\]]*\s*")
_NEXT_LETTER = re.compile(r"[^\w\n]{0,5}(\w)")
_LAST_WORD = re.compile(r"[\w.]+$")
_ABBREVIATIONS = {
    *("mr", "mrs", "ms", "messrs", "dr", "prof", "st", "mt", "ft", "gen", "col", "capt", "cpt"),
    *("sgt", "lt", "maj", "cmdr", "rev", "hon", "jr", "sr", "esq", "gov", "sen", "rep", "pres"),
    *("vs", "viz", "cf", "no", "nos", "vol", "vols", "fig", "figs", "pp", "ch", "chap", "sec"),
    *("ed", "eds", "approx", "dept", "est", "al", "art", "bd", "nr", "bzw", "mme", "mlle"),
    *("hr", "fr", "frl", "geb", "vgl", "bspw", "sr", "sra", "srta", "dra", "av", "mgr", "sig"),
    *("dott", "dhr", "mevr", "ul", "ks", "św", "г", "гг", "д", "т", "п", "р", "ч", "н", "э", "ул"),
    *("им", "стр", "см", "рис", "др", "пр", "св", "тов", "проф", "акад"),
}
# "am 3. Oktober", "im 19. Jahrhundert"
_ORDINAL = re.compile(r"(?<!\d)\d{1,2}$")
_COUNTED = re.compile(
    "(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    "Jahrhundert|Jahrtausend|Kapitel|Auflage|Weltkrieg|Geburtstag|Stock|Klasse)"
)


def split_sentences(text: str) -> list[str]:
    """The sentences with the white space that follows them.

    Knows abbreviations, initials, decimals, closing quotes and brackets, the ends of lines and of
    Hebrew, Arabic, Armenian, Indic and East Asian sentences. A last part without an end is a
    sentence of its own, a number without one belongs to the next, as in "1. Sun. 2. Moon."
    """
    sentences: list[str] = []
    start = seen = 0
    has_letters = False
    for found in _END.finditer(text):
        has_letters = has_letters or any(map(str.isalpha, text[seen : found.end()]))
        seen = found.end()
        if seen < len(text) and not (has_letters and _ends_here(text, found)):
            continue
        sentences.append(text[start:seen])
        start = seen
        has_letters = False
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def cut_to_length(sentence: str, longest: int) -> list[str]:
    """The sentence in pieces of at most `longest` characters.

    Cut after a clause where there is one in the second half of the piece, else at a
    space, else anywhere, though not between a letter and the marks on it where those fit.
    """
    pieces: list[str] = []
    rest = sentence
    while len(rest.rstrip()) > longest:
        at = _cutting_place(rest, longest)
        pieces.append(rest[:at])
        rest = rest[at:]
    return [*pieces, rest] if rest else pieces


def _ends_here(text: str, found: re.Match[str]) -> bool:
    """Whether a full stop ends a sentence: not after "Dr", "J" or "e.g", nor before "then"."""
    if "\n" in found.group():
        return True
    mark = found.group().rstrip()
    following = _NEXT_LETTER.match(text, found.end())
    if following is not None and following.group(1).islower():
        return False
    if mark != ".":
        return True
    word = _LAST_WORD.search(text, max(0, found.start() - 20), found.start())
    if word is None:
        return True
    last = word.group()
    if _ORDINAL.search(last) and _COUNTED.match(text, found.end()):
        return False
    # "J. R. R. Tolkien", "ח. נ. ביאליק", "А. С. Пушкин"; but "Это я."
    capital = last.isascii() or not last.islower()
    single = len(last) == 1 and last.isalpha() and capital and last != "I"
    return not (single or "." in last.strip(".") or last.lower() in _ABBREVIATIONS)


def _cutting_place(text: str, longest: int) -> int:
    window = text[: longest + 1]
    for found in reversed(list(_CLAUSE.finditer(window))):
        if longest // 2 <= found.end() <= longest:
            return found.end()
    space = window.rfind(" ")
    if space > 0:
        return space + 1
    at = longest
    while at and (unicodedata.category(text[at])[0] == "M" or text[at] in "\u200d\u200c"):
        at -= 1
    return at or longest  # the latter of a letter with more marks than a piece may hold
