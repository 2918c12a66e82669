"""Finding and running ffmpeg."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO

import anyio
import imageio_ffmpeg
from anyio.abc import Process

from audibook.errors import AudioToolError

__all__ = ["BrokenPipeToToolError", "find_ffmpeg", "run_ffmpeg", "running_ffmpeg"]

_QUIET = ("-hide_banner", "-nostats", "-loglevel", "error", "-y")
_SHOWN_CHARACTERS = 300
_ADDRESS = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\] ?")


class BrokenPipeToToolError(AudioToolError):
    """ffmpeg ended while samples were being sent to it."""


def find_ffmpeg(configured: Path | None = None) -> Path:
    """The configured program, else the one on PATH, else the one of imageio-ffmpeg.

    Raises AudioToolError when there is none.
    """
    if configured is not None:
        if configured.is_file():
            return configured
        raise AudioToolError(f"There is no ffmpeg at {str(configured)!r}: correct AUDIBOOK_FFMPEG.")
    on_path = shutil.which("ffmpeg")
    if on_path is not None:
        return Path(on_path)
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise AudioToolError(
            "No ffmpeg was found: install ffmpeg, or set AUDIBOOK_FFMPEG to its path."
        ) from None


@asynccontextmanager
async def running_ffmpeg(
    ffmpeg: Path, arguments: Sequence[str], *, writing: bool = False, reading: bool = False
) -> AsyncIterator[Process]:
    """Run ffmpeg for the length of the block, with a pipe to its input or from its output.

    Waits for its end after the block; kills it when the block is left by an error or by
    cancellation. Raises AudioToolError with ffmpeg's own words when it fails.
    """
    # Complaints go to a file: a pipe nobody reads would fill up and stop ffmpeg.
    with tempfile.TemporaryFile() as complaints:
        try:
            process = await anyio.open_process(
                [str(ffmpeg), *_QUIET, *([] if writing else ["-nostdin"]), *arguments],
                stdin=PIPE if writing else DEVNULL,
                stdout=PIPE if reading else DEVNULL,
                stderr=complaints,
            )
        except OSError as error:
            raise AudioToolError(f"Cannot start ffmpeg at {str(ffmpeg)!r}: {error}.") from error
        async with process:
            try:
                yield process
            except BrokenPipeToToolError:
                await process.wait()
                raise _failure(process, complaints) from None
            except BaseException:
                # What went wrong must be seen, also when ffmpeg is gone already.
                with suppress(ProcessLookupError):
                    process.kill()
                raise
            if process.stdin is not None:
                # Closing fails when ffmpeg is gone already; its exit code says why.
                with suppress(anyio.BrokenResourceError, ConnectionError):
                    await process.stdin.aclose()
            await process.wait()
        if process.returncode != 0:
            raise _failure(process, complaints)


async def run_ffmpeg(ffmpeg: Path, arguments: Sequence[str]) -> None:
    """Run ffmpeg to its end; raises AudioToolError when it fails."""
    async with running_ffmpeg(ffmpeg, arguments):
        pass


def _failure(process: Process, complaints: IO[bytes]) -> AudioToolError:
    complaints.seek(0)
    words = _ADDRESS.sub("", complaints.read().decode("utf-8", "replace"))
    words = " ".join(words.split())
    reason = words[-_SHOWN_CHARACTERS:] or "it gave no reason"
    return AudioToolError(f"ffmpeg ended with code {process.returncode}: {reason}")
