"""A voice for trials of the whole pipeline: a tone as long as the text would take."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

from .engine import VoiceSettings

__all__ = ["ToneEngine"]

_SAMPLE_RATE = 16_000
_CHARACTERS_PER_S = 15
_SHORTEST_S = 0.25
_HERTZ = 220
_LOUDNESS = 6000


class ToneEngine:
    """Hums each word at its own height, in any language, at 15 characters a second."""

    name = "tone"
    sample_rate = _SAMPLE_RATE

    def check(self, text: str, language: str, voice: str | None) -> None:
        """See SpeechEngine; anything can be hummed."""

    def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
        """See SpeechEngine."""
        speed = 1 + settings.rate / 100
        least = _SHORTEST_S / max(1, len(text.split()))
        for word in text.split():
            seconds = max((len(word) + 1) / _CHARACTERS_PER_S / speed, least)
            yield _tone(seconds, _HERTZ * (1 + len(word) % 8 / 8), settings.volume / 100)


def _tone(seconds: float, hertz: float, volume: float) -> bytes:
    step = 2 * math.pi * hertz / _SAMPLE_RATE
    count = math.ceil(seconds * _SAMPLE_RATE)
    return array(
        "h", (int(_LOUDNESS * volume * math.sin(step * n)) for n in range(count))
    ).tobytes()
