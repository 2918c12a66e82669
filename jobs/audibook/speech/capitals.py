"""English words in capitals, as at the beginnings of chapters, which a voice may spell."""

from __future__ import annotations

import re

__all__ = ["words_for_capitals"]

_WORD = r"[A-ZÀ-ÖØ-Þ]++(?:['’][A-ZÀ-ÖØ-Þ]++)*+(?![^\W\d_])"
_RUN = re.compile(rf"(?<![^\W\d_])(?<![^\W\d_]['’]){_WORD}(?:[\W\d_]++{_WORD})*+")
_EACH = re.compile(_WORD)
_BEFORE = re.compile(r"[\W\d_]*")
_BEFORE_A_NAME = re.compile(r"[ODL]['’](?=\w{3})")
_VOWEL = re.compile("[AEIOUYÀ-ÖØ-Ý]")
_ROMAN = re.compile("(?=[IVXLC])C{0,3}(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_NUMBERING = re.compile(r"([IVX]{2,}(?=[.:]\s)|[IVXL]+(?=\.?$))")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
_SHORTEST = 4
"""Letters of a word that is hardly a name of initials."""
_COMMON = {
    *("an", "and", "any", "are", "as", "at", "be", "big", "boy", "but", "by", "can", "did", "do"),
    *("end", "far", "few", "for", "get", "go", "god", "got", "had", "has", "he", "her", "him"),
    *("his", "how", "if", "in", "is", "its", "let", "man", "may", "me", "men", "my", "new", "no"),
    *("nor", "not", "now", "of", "off", "old", "on", "one", "our", "out", "own", "sad", "saw"),
    *("say", "sea", "see", "she", "sir", "so", "the", "to", "too", "two", "up", "was", "way"),
    *("we", "who", "why", "yes", "yet", "you"),
}
_COMMON_FIRST = _COMMON | {"ah", "am", "it", "oh", "or"}
_COMMON_BESIDE_OTHERS = _COMMON_FIRST | {"a", "us"}
"""Alone they are as likely initials: the US."""
_TITLES = {"MR", "MRS", "MS", "DR", "ST", "MT", "JR", "SR", "LT", "SGT", "REV"}
_INITIALS = {
    *("AD", "AI", "AIDS", "CEO", "CIA", "EU", "FAQ", "FIFA", "ID", "IOU", "IQ", "IRA", "ISBN"),
    *("NAACP", "OK", "UEFA", "UFO", "UK", "UN", "USA", "USSR", "YMCA", "YWCA"),
}


def words_for_capitals(text: str) -> str:
    """The text with words in place of words in capitals: "ALICE WAS" becomes "Alice was".

    Initials, as "BBC", and Roman numbers stay as they are, but for one that is a heading or with
    which one begins: "IV. THE SEA" becomes "4. The Sea".
    """
    number = _NUMBERING.match(text)
    if number and _ROMAN.fullmatch(number.group()):
        text = f"{_value(number.group())}{text[number.end() :]}"
    before = _BEFORE.match(text)
    begun = before.end() if before else 0
    return _RUN.sub(lambda run: _in_words(run.group(), first=run.start() == begun), text)


def _value(roman: str) -> int:
    values = [_VALUES[sign] for sign in roman]
    following = [*values[1:], 0]
    return sum(v if v >= after else -v for v, after in zip(values, following, strict=True))


def _in_words(run: str, *, first: bool) -> str:
    """The run of words in capitals; `first` if the text begins with it."""
    words = _EACH.findall(run)
    several = len(words) > 1
    common = _COMMON_FIRST if first else _COMMON
    common = _COMMON_BESIDE_OTHERS if several else common
    spoken = several and any(_is_long(w) or _stem(w) in common or w in _TITLES for w in words)

    def word(found: re.Match[str]) -> str:
        written = found.group()
        beside = run[max(0, found.start() - 1) : found.end() + 1]
        if len(written) == 1 and beside != " A ":
            return written
        if _stem(written) in common:
            return written.capitalize() if found.start() == 0 else written.lower()
        name = spoken and (written in _TITLES or _spoken(written))
        return _capitalized(written) if name or _is_long(written) else written

    return _EACH.sub(word, run)


def _stem(word: str) -> str:
    """Of "HE'S" what stands before the apostrophe."""
    return re.split("['’]", word)[0].lower()


def _is_long(word: str) -> bool:
    return (len(word) >= _SHORTEST or _stem(word) == "i") and _spoken(word)


def _spoken(word: str) -> bool:
    """Whether it can be a word at all."""
    known = word in _INITIALS or _ROMAN.fullmatch(word) is not None
    return not known and _VOWEL.search(word) is not None


def _capitalized(word: str) -> str:
    """Of "O'BRIEN" and "D’ARCY" both parts, of "I'M" the first."""
    before = _BEFORE_A_NAME.match(word)
    if before:
        return before.group() + word[before.end() :].capitalize()
    return word.capitalize()
