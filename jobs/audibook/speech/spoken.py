"""Preparing text for a voice, and judging whether the audio can be all of it."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from audibook.errors import UnspeakableTextError

from .language import script_of

__all__ = ["check_audible", "check_duration", "loudness", "speakable", "with_pauses"]

_QUOTES = str.maketrans(
    {
        **dict.fromkeys("“”„‟״″«»", '"'),
        **dict.fromkeys("‘’‚‛׳′ʼ", "'"),
        **dict.fromkeys("\u05be\u2010\u2011", "-"),  # maqaf, and hyphens by their own codes
        **dict.fromkeys("\u00ad\u200b\u200e\u200f\u2060\ufeff", None),
        **dict.fromkeys(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))), None),
    }
)
# Letters and digits in another width or as used in formulas; Hebrew letters with their points.
_FORMS = re.compile("[\u2070-\u209c\uff01-\uff5e\U0001d400-\U0001d7ff\ufb1d-\ufb4f]+")
_EXPONENT = re.compile("(?<=\\d)[⁺⁻]?[⁰¹²³⁴-⁹]+")
_ENCLOSED = re.compile("[①-⒛]")  # numbers in circles, brackets, or with a full stop
_PHONETIC_MARKS = re.compile("[\u05ab\u05bd]|(?<=[\u05b0-\u05ea])\\|")
_APOSTROPHE = re.compile("(?<=[^\\W\\d_])[`´](?=[^\\W\\d_])")
_SPACED_DOTS = re.compile(r"\.(?:\s\.){2,}")
_RULED_LINE = re.compile(r"(?<!\S)([#=~*_+|<>^/\\-])(?:\s?\1){2,}(?!\S)")
_UNENDED = "(?<=\\S)(?<![.,:;!?…،؛؟۔।。，、：；！？׃–—-])"
_LINE_END = re.compile(rf"{_UNENDED}[ \t]*\n\s*(?=(\S))")
_CELL_END = re.compile(rf"{_UNENDED} *\t\s*(?=\S)")
_FASTEST = 30.0  # characters in a second; measured voices speak 13 to 20
_SLOWEST = 8.0
_SLACK_S = 3.0
_DIGIT_S = 1.0  # 1,234,567 is spoken as seventeen syllables
_SYMBOL_S = 0.6
_SILENT = 0.01  # forty decibels below full; measured voices peak at 0.8


def with_pauses(text: str) -> str:
    """The text with a mark where a line, such as an item of a list, or a cell ends without one.

    It is a comma before what goes on in small letters, and between the cells of a table.
    """
    return _CELL_END.sub(", ", _LINE_END.sub(_line_end, text))


def _line_end(found: re.Match[str]) -> str:
    return ", " if found.group(1).islower() else ". "


def speakable(text: str) -> str:
    """The text with plain letters, quotation marks and hyphens, and single spaces.

    Lines drawn with characters are taken out, as voices read them: "equals equals equals".
    Marks of the phonetic diacritics (stress, spoken shva, end of a prefix) are taken
    out: voices would read them aloud.
    """
    plain = _FORMS.sub(_as_plain, _EXPONENT.sub(lambda found: f" {_as_plain(found)}", text))
    plain = _ENCLOSED.sub(lambda found: f" {_as_plain(found)} ", plain)
    plain = _PHONETIC_MARKS.sub("", _APOSTROPHE.sub("'", plain.translate(_QUOTES)))
    plain = _RULED_LINE.sub(" ", _SPACED_DOTS.sub("…", plain))
    return re.sub(r"\s+", " ", plain).strip()


def _as_plain(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found.group())


def check_duration(
    engine: str, text: str, seconds: float, *, speed: float = 1.0, script: str | None = None
) -> None:
    """Raise UnspeakableTextError when the audio cannot be this text.

    Too short means that words are missing (an engine that skips what it cannot read
    gives silence without an error), too long that it ran away. `speed` is relative to
    the normal pace; letters of other scripts than `script` are not expected to be heard.
    """
    letters = sum(c.isalpha() and script in {None, script_of(c)} for c in text)
    spaces = text.count(" ") if letters else 0
    digits = sum(c.isdigit() for c in text)
    symbols = len(text) - letters - digits - text.count(" ")
    at_least = (letters + spaces + digits) / _FASTEST / speed
    at_most = (_SLACK_S + (letters + spaces) / _SLOWEST * 2) / speed
    at_most += (digits * _DIGIT_S + symbols * _SYMBOL_S) / speed
    if not at_least <= seconds <= at_most:
        raise UnspeakableTextError(
            f"The speech engine {engine!r} gave {seconds:.1f} s of audio for a text of "
            f"{len(text)} characters, where {at_least:.1f} to {at_most:.1f} s were expected: "
            "it cannot speak this text; correct the text or choose another ttsModel."
        )


def loudness(samples: bytes) -> float:
    """The loudest of 16-bit samples, as a share of the loudest there can be, 0 to 1."""
    values = np.frombuffer(samples, "<i2").astype(np.int32)
    return float(np.abs(values).max(initial=0)) / 32768


def check_audible(engine: str, loudest: float, *, volume: float) -> None:
    """Raise UnspeakableTextError for audio as long as the text but without a sound.

    `volume` is the share of full loudness the voice was asked for; at 0 nothing is expected.
    """
    if loudest < _SILENT * volume:
        raise UnspeakableTextError(
            f"The speech engine {engine!r} gave silence: it cannot speak this text; correct "
            "the text or choose another ttsModel."
        )
