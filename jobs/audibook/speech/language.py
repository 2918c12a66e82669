"""Languages and scripts: what a text is written in, and whether a voice can read it."""

from __future__ import annotations

import unicodedata
from collections import Counter

from audibook.errors import UnspeakableTextError

__all__ = [
    "check_script",
    "has_words",
    "in_script",
    "is_hebrew",
    "main_script",
    "only_in_script",
    "script_of",
]


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


def main_script(text: str) -> str:
    """The script most letters of the text are of; empty without letters."""
    counts = Counter(filter(None, map(script_of, text)))
    return counts.most_common(1)[0][0] if counts else ""


def only_in_script(text: str, script: str) -> str:
    """The text with a space in place of all letters of other scripts, and of their marks."""
    kept = []
    foreign = False
    for character in text:
        if unicodedata.category(character)[0] != "M":
            foreign = script_of(character) not in {"", script}
        kept.append(" " if foreign else character)
    return "".join(kept)


def is_hebrew(text: str) -> bool:
    """Whether at least half of the letters are Hebrew."""
    return any(script_of(c) == "HEBREW" for c in text) and in_script(text, "HEBREW") >= 0.5


def has_words(text: str) -> bool:
    """Whether there is anything to say: a letter or a digit."""
    return any(character.isalnum() for character in text)


def check_script(engine: str, text: str, script: str) -> None:
    """Raise UnspeakableTextError unless most of the letters are of this script."""
    if in_script(text, script) < 0.5:
        raise UnspeakableTextError(
            f"The speech engine {engine!r} reads {script.title()} letters and this text is mostly "
            f"in {main_script(text).title()} ones: choose another ttsModel for the book."
        )
