"""English words that somebody stutters, of which a voice would spell the beginning."""

from __future__ import annotations

import re

__all__ = ["words_for_stutters"]

_STUTTER = re.compile(
    r"(?<![\w'’-])([ctsw]h|[b-df-hj-np-tvwyz])[-–—](?:\1[-–—])*+(?=(\1\w*[^\W\d_]))", re.IGNORECASE
)
_ONCE = re.compile(r"[A-Za-z]+")
_OPENING = re.compile(r"(?:^|[.!?…:—\"“”'‘’(\[])\s*$")
_NAMED_BY_LETTERS = {
    *("boy", "boys", "class", "clamp", "clamps", "cup", "cups", "day", "dimensional", "drive"),
    *("drives", "girl", "girls", "hour", "mail", "rated", "series", "shaped", "size", "tail"),
    *("test", "tests", "tube", "tubes", "value", "values"),
}
"""What has a letter before it that is its own first: "D-Day", "S-shaped", "T-test"."""


def words_for_stutters(text: str) -> str:
    """The text with syllables in place of the repeated letters: "S-s-sorry" is "Suh-suh-sorry".

    A letter that says of what kind something is stays: "R-rated" within a sentence, "T-test".
    """

    def syllables(found: re.Match[str]) -> str:
        letters, word = _ONCE.findall(found.group()), found.group(2)
        named = word.lower() in _NAMED_BY_LETTERS
        mid_sentence = letters[-1].isupper() and word[0].islower()
        opening = _OPENING.search(text[max(0, found.start() - 3) : found.start()]) is not None
        if len(letters) == 1 and (named or (mid_sentence and not opening)):
            return found.group()
        soft = letters[0].lower() == "c" and word[1].lower() in "eiy"
        return _ONCE.sub(lambda one: _syllable(one.group(), soft=soft), found.group())

    return _STUTTER.sub(syllables, text)


def _syllable(letters: str, *, soft: bool) -> str:
    heard = "s" if soft else letters.lower()
    return f"{heard.capitalize() if letters[0].isupper() else heard}uh"
