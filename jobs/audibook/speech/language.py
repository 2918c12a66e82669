"""Languages and scripts: what a text is written in, and whether a voice can read it."""

from __future__ import annotations

import unicodedata
from collections import Counter

from audibook.errors import UnspeakableTextError

__all__ = ["check_script", "has_words", "in_script", "is_hebrew", "script_of"]


def script_of(character: str) -> str:
    """LATIN, HEBREW, CYRILLIC, CJK and so on for a letter; empty for anything else."""
    if not character.isalpha():
        return ""
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]


def in_script(text: str, script: str) -> float:
    """The share of the text's letters that are of this script, 0 to 1; 1 without letters."""
    counts = Counter(script_of(character) for character in text)
    letters = counts.total() - counts[""]
    return counts[script] / letters if letters else 1.0


def is_hebrew(text: str) -> bool:
    """Whether at least half of the letters are Hebrew."""
    return any(script_of(c) == "HEBREW" for c in text) and in_script(text, "HEBREW") >= 0.5


def has_words(text: str) -> bool:
    """Whether there is anything to say: a letter or a digit."""
    return any(character.isalnum() for character in text)


def check_script(engine: str, text: str, script: str) -> None:
    """Raise UnspeakableTextError unless most of the letters are of this script."""
    if in_script(text, script) < 0.5:
        main = Counter(s for s in map(script_of, text) if s).most_common(1)[0][0]
        raise UnspeakableTextError(
            f"The speech engine {engine!r} reads {script.title()} letters and this text is mostly "
            f"in {main.title()} ones: choose another ttsModel for the book."
        )
