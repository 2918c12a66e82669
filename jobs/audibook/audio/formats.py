"""The forms audio takes: raw samples inside, encoded files outside."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AAC_BOOK", "BYTES_PER_SAMPLE", "MP3_PAGE", "MP3_PARAGRAPH", "WAV", "Format", "silence"]

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is encoded; `sample_rate` None keeps that of the source."""

    suffix: str
    content_type: str
    options: tuple[str, ...]
    sample_rate: int | None = None


WAV = Format(".wav", "audio/wav", ("-f", "wav", "-c:a", "pcm_s16le"))
MP3_PARAGRAPH = Format(
    ".mp3", "audio/mpeg", ("-f", "mp3", "-c:a", "libmp3lame", "-b:a", "96k", "-write_xing", "1")
)
MP3_PAGE = Format(
    ".mp3", "audio/mpeg", ("-f", "mp3", "-c:a", "libmp3lame", "-b:a", "128k"), sample_rate=22_050
)
AAC_BOOK = Format(
    ".m4a", "audio/mp4", ("-f", "ipod", "-c:a", "aac", "-b:a", "64k"), sample_rate=22_050
)


def silence(seconds: float, sample_rate: int) -> bytes:
    """Samples of silence."""
    return bytes(round(seconds * sample_rate) * BYTES_PER_SAMPLE)
