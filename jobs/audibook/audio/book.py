"""Finishing an audiobook: chapters, cover and tags in one M4B file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audibook.languages import three_letters

from .ffmpeg import run_ffmpeg

__all__ = ["BookTags", "Chapter", "write_m4b"]

_SPECIAL = re.compile(r"([=;#\\\n])")
_TICKS_PER_S = 1000
_KEPT_PICTURES = {".jpg", ".png"}
_AS_JPEG = ["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p", "-frames:v", "1"]
"""For the pictures which M4B does not know; of a moving one the first frame."""
_LONGEST = 1000
"""Characters of a title or name: one of more than 64 KiB would be damaged."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter's title and place, in seconds."""

    title: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class BookTags:
    """What players show of the book."""

    title: str
    author: str | None = None
    narrator: str | None = None
    language: str | None = None


async def write_m4b(
    ffmpeg: Path,
    source: Path,
    target: Path,
    *,
    tags: BookTags,
    chapters: Sequence[Chapter],
    cover: Path | None = None,
) -> None:
    """Put chapters, tags and cover around the finished AAC audio of `source`.

    The audio is copied, not encoded again. `cover` is a JPEG or PNG picture, or
    one that ffmpeg makes a JPEG of.
    """
    notes = source.with_suffix(".ffmetadata")
    notes.write_text(_metadata(tags, chapters), "utf-8")
    arguments = ["-i", str(source), "-f", "ffmetadata", "-i", str(notes)]
    arguments += ["-i", str(cover)] if cover else []
    arguments += ["-map", "0:a", *(["-map", "2:v"] if cover else []), "-c", "copy"]
    arguments += _AS_JPEG if cover and cover.suffix not in _KEPT_PICTURES else []
    arguments += ["-disposition:v:0", "attached_pic"] if cover else []
    language = three_letters(tags.language or "")
    arguments += ["-metadata:s:a:0", f"language={language}"] if language else []
    arguments += ["-map_metadata", "1", "-map_chapters", "1", "-movflags", "+faststart"]
    await run_ffmpeg(ffmpeg, [*arguments, "-f", "ipod", str(target)])


def _metadata(tags: BookTags, chapters: Sequence[Chapter]) -> str:
    lines = [";FFMETADATA1"]
    values = {
        "title": tags.title,
        "album": tags.title,
        "artist": tags.author,
        "album_artist": tags.author,
        "composer": tags.narrator,
        "genre": "Audiobook",
        "media_type": "2",  # iTunes' number for audiobooks
    }
    lines += [f"{name}={_escaped(value)}" for name, value in values.items() if value]
    for chapter in chapters:
        lines += [
            "[CHAPTER]",
            f"TIMEBASE=1/{_TICKS_PER_S}",
            f"START={round(chapter.start * _TICKS_PER_S)}",
            f"END={round(chapter.end * _TICKS_PER_S)}",
            f"title={_escaped(chapter.title)}",
        ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    # A backslash at the end of a line joins it with the next, escaped or not.
    text = text.strip()[:_LONGEST].rstrip("\\")
    return _SPECIAL.sub(r"\\\1", text)
