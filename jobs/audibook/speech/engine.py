"""What a speech engine must offer, and how its voice can be adjusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from audibook.errors import SpeechSetupError

__all__ = ["SpeechEngine", "VoiceSettings"]


def _number(value: object) -> object:
    """ "+10%" as 10: settings come from a form which writes either."""
    return value.strip().removesuffix("%") if isinstance(value, str) else value


_Percent = Annotated[float, BeforeValidator(_number)]


class VoiceSettings(BaseModel):
    """Adjustments of a voice; engines ignore what they do not know."""

    model_config = ConfigDict(frozen=True, extra="allow")

    rate: _Percent = Field(default=0, ge=-50, le=50)
    """Speaking rate, per cent faster or slower."""
    pitch: _Percent = Field(default=0, ge=-50, le=50)
    """Pitch, per cent higher or lower."""
    volume: _Percent = Field(default=100, ge=0, le=100)
    """Loudness, per cent of full."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> VoiceSettings:
        """The settings of a book; raises SpeechSetupError naming the one that is wrong."""
        try:
            return cls.model_validate({k: v for k, v in settings.items() if v is not None})
        except ValidationError as error:
            first = error.errors()[0]
            raise SpeechSetupError(
                f"The book's speech setting {first['loc'][0]!r} is {first['input']!r}: "
                f"{first['msg'].lower()}."
            ) from None


class SpeechEngine(Protocol):
    """Turns text into speech: 16-bit signed little-endian mono samples.

    Calls block: run them in a thread. One engine serves several threads at once.
    """

    @property
    def name(self) -> str:
        """The model name by which books choose the engine."""

    @property
    def sample_rate(self) -> int:
        """Samples per second."""

    def check(self, text: str, language: str, voice: str | None) -> None:
        """Raise UnspeakableTextError or SpeechSetupError when this cannot be spoken.

        `language` is a tag such as `en-GB`, or empty where it is not known.
        """

    def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
        """The speech in pieces of about a sentence, each as soon as it is ready."""
