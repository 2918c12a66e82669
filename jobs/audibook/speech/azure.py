"""The Azure speech service over HTTPS, the engine of the original application."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from urllib.parse import urlsplit
from xml.sax.saxutils import escape, quoteattr

from audibook.errors import SpeechServiceError, SpeechSetupError, UnspeakableTextError
from audibook.languages import base_language
from audibook.settings import Settings

from .engine import VoiceSettings

__all__ = ["AzureEngine"]

_FORMAT = "raw-24khz-16bit-mono-pcm"
_SAMPLE_RATE = 24_000
_TIMEOUT_S = 60.0
_PIECE_BYTES = 1 << 16
_LONGEST_S = 600  # the service cuts the audio of one request at ten minutes, silently
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_LOCALE = re.compile(r"([a-z]{2,3}-[A-Z]{2})-\w+")
_REFUSED = {
    400: "refused the request as malformed: check the book's ttsVoice",
    401: "refused the key: check AZURE_SPEECH_KEY and AZURE_SPEECH_REGION",
    403: "refused the key: check AZURE_SPEECH_KEY and AZURE_SPEECH_REGION",
    404: "has nothing at this address: check AZURE_SPEECH_REGION",
}


class AzureEngine:
    """Speaks with any voice of the service; the key is never written to logs or errors."""

    name = "azure"
    sample_rate = _SAMPLE_RATE

    def __init__(self, *, key: str, endpoint: str, voice: str) -> None:
        self._key = key
        self._url = urlsplit(endpoint)
        self._voice = voice

    @classmethod
    def from_settings(cls, settings: Settings) -> AzureEngine:
        """The engine for AZURE_SPEECH_KEY; raises SpeechSetupError when it is not set."""
        if settings.azure_speech_key is None:
            raise SpeechSetupError(
                "AZURE_SPEECH_KEY is required for the speech model 'azure': set it, or choose "
                "another ttsModel for the book."
            )
        region = settings.azure_speech_region
        return cls(
            key=settings.azure_speech_key.get_secret_value(),
            endpoint=settings.azure_speech_endpoint
            or f"https://{region}.tts.speech.microsoft.com/cognitiveservices/v1",
            voice=settings.azure_speech_voice,
        )

    def check(self, text: str, language: str, voice: str | None) -> None:
        """See SpeechEngine. A voice speaks the language in its name, or says Multilingual."""
        chosen = voice or self._voice
        locale = _LOCALE.match(chosen)
        if locale is None:
            raise SpeechSetupError(
                f"{chosen!r} is no name of an Azure voice such as 'he-IL-AvriNeural': change the "
                "book's ttsVoice or AZURE_SPEECH_VOICE."
            )
        wanted = base_language(language)
        if wanted and base_language(locale[1]) != wanted and "Multilingual" not in chosen:
            raise UnspeakableTextError(
                f"The Azure voice {chosen!r} speaks {locale[1]} and the book's language is "
                f"{language!r}: choose another ttsVoice for the book."
            )

    def speak(self, text: str, voice: str | None, settings: VoiceSettings) -> Iterator[bytes]:
        """See SpeechEngine. Raises SpeechServiceError when the service fails for a while."""
        body = _ssml(text, voice or self._voice, settings).encode()
        connection = self._connect()
        try:
            yield from self._request(connection, body)
        except (OSError, http.client.HTTPException) as error:
            raise SpeechServiceError(
                f"The Azure speech service did not answer: {error or type(error).__name__}."
            ) from error
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._url.scheme == "https" else None
        host = self._url.hostname or ""
        return (kind or http.client.HTTPConnection)(host, self._url.port, timeout=_TIMEOUT_S)

    def _request(self, connection: http.client.HTTPConnection, body: bytes) -> Iterator[bytes]:
        headers = {
            "Ocp-Apim-Subscription-Key": self._key,
            "Content-Type": "application/ssml+xml",
            "X-Microsoft-OutputFormat": _FORMAT,
            "User-Agent": "audibook",
        }
        connection.request("POST", self._url.path or "/", body, headers)
        received = 0
        odd = b""
        with connection.getresponse() as answer:
            if answer.status != http.client.OK:
                raise _refusal(answer)
            while piece := answer.read(_PIECE_BYTES):
                received += len(piece)
                piece = odd + piece
                whole = len(piece) // 2 * 2
                odd = piece[whole:]
                yield piece[:whole]
            if answer.length:  # http.client tells nobody that a body ended before its length
                raise http.client.IncompleteRead(b"", answer.length)
        if received >= _LONGEST_S * _SAMPLE_RATE * 2:
            raise UnspeakableTextError(
                "The text is longer than the ten minutes of audio Azure gives for one request: "
                "split the paragraph."
            )


def _refusal(answer: http.client.HTTPResponse) -> SpeechServiceError | SpeechSetupError:
    reason = _REFUSED.get(answer.status)
    if reason is not None:
        return SpeechSetupError(f"The Azure speech service {reason}.")
    pause = answer.getheader("Retry-After") or ""
    return SpeechServiceError(
        f"The Azure speech service answered {answer.status} {answer.reason}.",
        retry_after=float(pause) if pause.isdigit() else None,
    )


def _ssml(text: str, voice: str, settings: VoiceSettings) -> str:
    spoken = escape(_ILLEGAL.sub("", text))
    prosody = "".join(
        f" {name}={quoteattr(f'{value:+g}%')}"
        for name, value in (("rate", settings.rate), ("pitch", settings.pitch))
        if value
    )
    if settings.volume != 100:
        prosody += f' volume="{settings.volume:g}"'
    if prosody:
        spoken = f"<prosody{prosody}>{spoken}</prosody>"
    language = "-".join(voice.split("-")[:2])
    return (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
        f"xml:lang={quoteattr(language)}><voice name={quoteattr(voice)}>{spoken}</voice></speak>"
    )
