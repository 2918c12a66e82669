"""Encoding samples to a file, and decoding a file to samples, as streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteSendStream

from audibook.errors import AudioToolError

from .ffmpeg import BrokenPipeToToolError, running_ffmpeg
from .formats import BYTES_PER_SAMPLE, Format, silence

__all__ = ["Encoder", "decoded", "encoding"]

_PIECE_BYTES = 1 << 16


class Encoder:
    """Takes mono 16-bit samples; knows how long the audio is so far, to the sample."""

    def __init__(self, stream: ByteSendStream, sample_rate: int) -> None:
        self._stream = stream
        self._bytes = 0
        self.sample_rate = sample_rate

    @property
    def seconds(self) -> float:
        """Length of what was written."""
        return self._bytes / BYTES_PER_SAMPLE / self.sample_rate

    async def write(self, samples: bytes) -> None:
        """Add samples; waits while ffmpeg is busy, so memory stays bounded."""
        try:
            for start in range(0, len(samples), _PIECE_BYTES):
                await self._stream.send(samples[start : start + _PIECE_BYTES])
        except (BrokenResourceError, ClosedResourceError, ConnectionError) as error:
            raise BrokenPipeToToolError("ffmpeg ended before it had all samples.") from error
        self._bytes += len(samples)

    async def pause(self, seconds: float) -> None:
        """Add silence."""
        await self.write(silence(seconds, self.sample_rate))


@asynccontextmanager
async def encoding(
    ffmpeg: Path, path: Path, audio: Format, sample_rate: int
) -> AsyncIterator[Encoder]:
    """Encode to a new file at `path` what the block writes, at `sample_rate`.

    The file is complete after the block. Raises AudioToolError when ffmpeg fails.
    """
    # The target is a file, not a pipe: the encoder goes back to its head to note the
    # exact length, without which players show a few hundredths of a second too much.
    arguments = ["-f", "s16le", "-ar", str(sample_rate), "-ac", "1", "-i", "pipe:0"]
    arguments += ["-ar", str(audio.sample_rate or sample_rate), "-ac", "1", *audio.options]
    async with running_ffmpeg(ffmpeg, [*arguments, str(path)], writing=True) as process:
        if process.stdin is None:
            raise AudioToolError("ffmpeg was started without a pipe to its input.")
        yield Encoder(process.stdin, sample_rate)


async def decoded(ffmpeg: Path, path: Path, sample_rate: int) -> AsyncGenerator[bytes, None]:
    """The samples of an audio file, mono at `sample_rate`, piece by piece.

    Close the iterator when leaving it early. Raises AudioToolError for a damaged file.
    """
    arguments = ["-xerror", "-i", str(path), "-map", "0:a:0", "-f", "s16le"]
    arguments += ["-ar", str(sample_rate), "-ac", "1", "pipe:1"]
    async with running_ffmpeg(ffmpeg, arguments, reading=True) as process:
        if process.stdout is None:
            raise AudioToolError("ffmpeg was started without a pipe from its output.")
        while True:
            try:
                yield await process.stdout.receive(_PIECE_BYTES)
            except EndOfStream:
                return
