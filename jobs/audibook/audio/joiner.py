"""Joining many audio files into one, part by part."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from audibook.errors import AudioToolError

from .encoder import decoded, encoding
from .ffmpeg import BrokenPipeToToolError
from .formats import Format

__all__ = ["Part", "Span", "join"]

_TOLERANCE_S = 0.5
_ROUNDED_S = 0.01


@dataclass(frozen=True, slots=True)
class Part:
    """An audio file to be joined; `seconds` is its length where that is known."""

    path: Path
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Where a part lies in the joined audio, in seconds, exact to the sample."""

    start: float
    end: float


async def join(
    ffmpeg: Path,
    parts: AsyncIterable[Part],
    target: Path,
    audio: Format,
    *,
    sample_rate: int,
    pause: float = 0.0,
) -> list[Span]:
    """Join the parts in order, with `pause` seconds of silence between them.

    Each part's file is deleted once it is read, so that neither memory nor disk grows
    with their number. Raises AudioToolError for a part that is damaged, or that is not
    as long as it should be.
    """
    spans: list[Span] = []
    async with encoding(ffmpeg, target, audio, sample_rate) as encoder:
        async for part in parts:
            if spans and pause:
                await encoder.pause(pause)
            start = encoder.seconds
            try:
                async with aclosing(decoded(ffmpeg, part.path, sample_rate)) as pieces:
                    async for samples in pieces:
                        await encoder.write(samples)
            except BrokenPipeToToolError:  # of the file that is written
                raise
            except AudioToolError as error:
                # Bytes behind the last frame, as other programs leave them, cost no audio.
                if part.seconds is None or encoder.seconds - start < part.seconds - _ROUNDED_S:
                    raise AudioToolError(
                        f"Part {len(spans) + 1} of the audio cannot be read; make it again: {error}"
                    ) from error
            span = Span(start, encoder.seconds)
            _check(part, span, len(spans) + 1)
            spans.append(span)
            part.path.unlink()
    return spans


def _check(part: Part, span: Span, number: int) -> None:
    seconds = span.end - span.start
    if part.seconds is not None and abs(seconds - part.seconds) > _TOLERANCE_S:
        raise AudioToolError(
            f"Part {number} of the audio is {seconds:.2f} s long and should be "
            f"{part.seconds:.2f} s: its file is damaged; make it again."
        )
