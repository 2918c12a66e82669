"""Fetching the parts of a joined audio one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from audibook.attempt import Attempt
from audibook.audio import Part
from audibook.errors import NotReadyError, ObjectNotFoundError
from audibook.services import Services, in_thread

__all__ = ["fetched_parts"]

_SHARE = 90.0  # per cent of a job's progress


async def fetched_parts(
    services: Services,
    attempt: Attempt,
    folder: Path,
    stored: Sequence[tuple[str, float | None]],
) -> AsyncIterator[Part]:
    """The objects `(key, seconds)` in order, each fetched when it is needed.

    Reports progress up to 90 per cent as they are taken. Raises NotReadyError when one
    is gone: audio that is made again meanwhile takes the place of the old under another key,
    which the next attempt finds.
    """
    for number, (key, seconds) in enumerate(stored):
        await attempt.progress(_SHARE * number / len(stored))
        path = folder / f"part-{number}{Path(key).suffix}"
        try:
            await in_thread(services.storage.fetch_file, key, path)
        except ObjectNotFoundError as error:
            raise NotReadyError(
                f"The audio {key!r} is gone: it was made again or removed in between."
            ) from error
        yield Part(path, seconds)
