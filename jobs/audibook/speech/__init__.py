"""Speech: engines behind one interface, chosen by the model name of the book.

`engine` is the interface, `hibari` the embedded English voice, `azure` the cloud
service of the original, `tone` a voice for trials; `registry` finds them; `language`
and `spoken` judge text and audio, `capitals` and `stutters` rewrite what a voice would
spell.
"""

from __future__ import annotations

from functools import partial

from audibook.settings import Settings

from .azure import AzureEngine
from .engine import SpeechEngine, VoiceSettings
from .hibari import HibariEngine
from .registry import Speech, SpeechRegistry
from .tone import ToneEngine

__all__ = [
    "AzureEngine",
    "HibariEngine",
    "Speech",
    "SpeechEngine",
    "SpeechRegistry",
    "ToneEngine",
    "VoiceSettings",
    "open_speech",
]


def open_speech(settings: Settings) -> SpeechRegistry:
    """All engines, set up as the settings say; nothing is loaded before it is used."""
    return SpeechRegistry(
        {
            "hibari": HibariEngine,
            "tone": ToneEngine,
            "azure": partial(AzureEngine.from_settings, settings),
        }
    )
