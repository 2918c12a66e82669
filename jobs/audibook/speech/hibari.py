"""The embedded English voice: the hibari-tts package, which works offline."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import numpy as np
from hibari import SAMPLE_RATE, Hibari

from audibook.epub.sentences import cut_to_length, split_sentences
from audibook.errors import SpeechSetupError, UnspeakableTextError
from audibook.languages import base_language

from .capitals import words_for_capitals
from .engine import VoiceSettings
from .language import check_script
from .stutters import words_for_stutters

__all__ = ["HibariEngine"]

_VOICE = "heart"
_LONGEST_WORD = 24
_LONGEST_SENTENCE = 1000
_SEED = 0  # the same text gives the same audio
_LONG_WORD = re.compile(r"[^\W\d_]{25,}")
_LONG_NUMBER = re.compile(r"\d[\d,]{24,}")
_DIGITS = re.compile(r"(\d{1,12}),?")
# Read aloud it would be "two one half", "no. Five", "em em ee", and "ess aitch aitch".
_FRACTION = re.compile("(?<=\\d)\\s?(?=[¼-¾⅐-⅞])")
_UNREADABLE = {
    re.compile(r"(?:\bNo\.|№)\s?(?=\d)"): "number ",
    re.compile(r"\bNos\.\s?(?=\d)"): "numbers ",
    re.compile(r"\bMme\.(?=\s[A-ZÀ-Þd])"): "Madame",
    re.compile(r"\bMlle\.(?=\s[A-ZÀ-Þd])"): "Mademoiselle",
    re.compile(r"\b[Ss]+h+\b"): "shush",
    re.compile(r"\b[Hh]m+ph\b"): "humph",
    re.compile(r"\b([Bb]|[Gg])rr+\b"): r"\1urr",
}
_INLINE_PHONEMES = re.compile(r"\](?=\()")


class HibariEngine:
    """Speaks English with the one voice that lies in the package.

    The model is loaded at first use, about half a second, and kept. One thread per
    sentence: more would only compete with other jobs of the worker.
    """

    name = "hibari"
    script = "LATIN"
    sample_rate: int = SAMPLE_RATE

    def __init__(self) -> None:
        self._model: Hibari | None = None
        self._loading = threading.Lock()

    def check(self, text: str, language: str, voice: str | None) -> None:
        """See SpeechEngine."""
        if base_language(language) not in {"", "en"}:
            raise UnspeakableTextError(
                f"The speech engine 'hibari' speaks English (en) only and the book's language is "
                f"{language!r}: choose another ttsModel for the book."
            )
        if voice not in {None, "", _VOICE}:
            raise SpeechSetupError(
                f"The speech engine 'hibari' has the voice {_VOICE!r} only, not {voice!r}: "
                "change the book's ttsVoice or ttsModel."
            )
        check_script(self.name, text, self.script)

    def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
        """See SpeechEngine. The pitch cannot be changed and is ignored."""
        speed = 1 + settings.rate / 100
        model = self._loaded()
        for piece in _pieces(_readable(text)):
            for samples in model.stream(piece, speed=speed, seed=_SEED):
                loud = np.clip(samples * (settings.volume / 100), -1.0, 1.0)
                yield (loud * 32767).astype("<i2").tobytes()

    def _loaded(self) -> Hibari:
        with self._loading:
            if self._model is None:
                self._model = Hibari(threads=1)
            return self._model


def _readable(text: str) -> str:
    # The model drops most of a word of more than about fifty letters, and would read
    # "[word](/sounds/)" as a request for those sounds. It has no name for a number of more
    # than about thirty-six digits.
    # Words in capitals that it does not know it would spell: "ALICE WAS", "MR. DARCY".
    # So it would the letters of "S-s-sorry".
    text = words_for_stutters(words_for_capitals(_INLINE_PHONEMES.sub("] ", text)))
    text = _FRACTION.sub(" and ", text)
    for shortened, words in _UNREADABLE.items():
        text = shortened.sub(words, text)
    text = _LONG_NUMBER.sub(lambda found: _DIGITS.sub(r"\1 ", found.group()), text)
    return _LONG_WORD.sub(_in_parts, text)


def _pieces(text: str) -> Iterator[str]:
    # The model needs memory by the square of a sentence: gigabytes for ten thousand letters.
    sentences = split_sentences(text)
    if all(len(sentence) <= _LONGEST_SENTENCE for sentence in sentences):
        yield text
    else:
        for sentence in sentences:
            yield from cut_to_length(sentence, _LONGEST_SENTENCE)


def _in_parts(found: re.Match[str]) -> str:
    word = found.group()
    return " ".join(word[i : i + _LONGEST_WORD] for i in range(0, len(word), _LONGEST_WORD))
