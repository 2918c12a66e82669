"""The Azure engine, against a server on this machine that answers as the service does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

import pytest

from audibook import (
    Settings,
    SpeechServiceError,
    SpeechSetupError,
    UnrecoverableError,
    UnspeakableTextError,
)
from audibook.speech import AzureEngine, VoiceSettings, open_speech

_KEY = "very-secret-key"


@dataclass
class _Service:
    """What the server answers, and what it was sent."""

    status: int = 200
    body: bytes = b""
    missing: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    endpoint: str = ""


@pytest.fixture
def service() -> Iterator[_Service]:
    made = _Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            made.requests.append((dict(self.headers), self.rfile.read(length)))
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.body) + made.missing))
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        made.endpoint = f"http://127.0.0.1:{server.server_port}/cognitiveservices/v1"
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def azure(service: _Service) -> AzureEngine:
    return AzureEngine(key=_KEY, endpoint=service.endpoint, voice="he-IL-AvriNeural")


def _speak(
    engine: AzureEngine, text: str = "שלום", voice: str | None = None, **settings: float
) -> bytes:
    return b"".join(engine.speak(text, voice, VoiceSettings(**settings)))


def test_the_audio_comes_back_as_samples(azure: AzureEngine, service: _Service) -> None:
    service.body = bytes(range(256)) * 1000
    assert _speak(azure) == service.body
    headers, _ = service.requests[0]
    assert headers["Ocp-Apim-Subscription-Key"] == _KEY
    assert headers["Content-Type"] == "application/ssml+xml"
    assert headers["X-Microsoft-OutputFormat"] == "raw-24khz-16bit-mono-pcm"


def test_text_voice_and_settings_are_sent_as_valid_ssml(
    azure: AzureEngine, service: _Service
) -> None:
    text = 'Tom & Jerry <say> "hi"\x0b ]]>'
    _speak(azure, text, "en-US-JennyNeural", rate=10, pitch=-5, volume=80)
    speak = ElementTree.fromstring(service.requests[0][1])
    (voice,) = speak
    (prosody,) = voice
    assert speak.get("{http://www.w3.org/XML/1998/namespace}lang") == "en-US"
    assert voice.get("name") == "en-US-JennyNeural"
    assert prosody.attrib == {"rate": "+10%", "pitch": "-5%", "volume": "80"}
    assert prosody.text == text.replace("\x0b", "")
    _speak(azure)
    (plain,) = ElementTree.fromstring(service.requests[1][1])
    assert (plain.get("name"), plain.text, len(plain)) == ("he-IL-AvriNeural", "שלום", 0)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_that_will_not_change_is_not_retried(
    azure: AzureEngine, service: _Service, status: int
) -> None:
    service.status = status
    with pytest.raises(SpeechSetupError, match="check") as caught:
        _speak(azure)
    assert isinstance(caught.value, UnrecoverableError)
    assert _KEY not in str(caught.value)


@pytest.mark.parametrize(("status", "pause"), [(429, "7"), (503, ""), (500, "")])
def test_a_busy_service_is_worth_a_retry(
    azure: AzureEngine, service: _Service, status: int, pause: str
) -> None:
    service.status = status
    service.headers = {"Retry-After": pause} if pause else {}
    with pytest.raises(SpeechServiceError, match=f"answered {status}") as caught:
        _speak(azure)
    assert caught.value.retry_after == (7 if pause else None)


def test_a_service_that_is_away_is_worth_a_retry() -> None:
    engine = AzureEngine(key=_KEY, endpoint="http://127.0.0.1:9/v1", voice="he-IL-AvriNeural")
    with pytest.raises(SpeechServiceError, match="did not answer"):
        _speak(engine)


def test_audio_whose_transfer_is_cut_off_is_not_taken_for_all_of_it(
    azure: AzureEngine, service: _Service
) -> None:
    service.body, service.missing = bytes(100_000), 20_000
    with pytest.raises(SpeechServiceError, match="did not answer"):
        _speak(azure)


def test_audio_as_long_as_the_service_allows_is_not_trusted(
    azure: AzureEngine, service: _Service
) -> None:
    service.body = bytes(600 * 24_000 * 2)
    with pytest.raises(UnspeakableTextError, match="split the paragraph"):
        _speak(azure)


@pytest.mark.parametrize(
    ("language", "voice"),
    [("he", None), ("", None), ("en", "en-GB-RyanNeural"), ("fr", "en-US-AvaMultilingualNeural")],
)
def test_a_voice_of_the_books_language_is_taken(
    azure: AzureEngine, language: str, voice: str | None
) -> None:
    azure.check("text", language, voice)
    assert azure.sample_rate == 24_000


def test_a_voice_of_another_language_or_no_voice_is_refused(azure: AzureEngine) -> None:
    with pytest.raises(UnspeakableTextError, match="speaks he-IL"):
        azure.check("text", "en", None)
    with pytest.raises(SpeechSetupError, match="no name of an Azure voice"):
        azure.check("text", "en", "Bob")


def test_the_settings_choose_key_region_and_voice() -> None:
    settings = Settings.model_validate({"azure_speech_key": _KEY, "azure_speech_region": "north"})
    engine = open_speech(settings).engine("azure")
    assert isinstance(engine, AzureEngine)
    engine.check("text", "he", None)
    assert _KEY not in repr(engine) + repr(settings)
