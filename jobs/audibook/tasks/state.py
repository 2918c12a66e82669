"""Keeping the audio status of a page or paragraph true, however the attempt ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from audibook.attempt import Attempt
from audibook.catalogue import AudioStatus, Pages, Paragraphs
from audibook.services import in_thread

__all__ = ["making_audio"]


@asynccontextmanager
async def making_audio(
    rows: Pages | Paragraphs, row_id: str, before: AudioStatus, attempt: Attempt
) -> AsyncIterator[None]:
    """GENERATING within the block, which ends by switching the row to READY.

    When it raises instead: ERROR if that was the last attempt, else what it was before
    (READY with its old audio, or PENDING). The same after a cancellation.
    """
    back = AudioStatus.READY if before is AudioStatus.READY else AudioStatus.PENDING
    await in_thread(rows.start_audio, row_id)
    try:
        yield
    except Exception as error:
        status = AudioStatus.ERROR if attempt.is_last(error) else back
        try:
            await in_thread(rows.stop_audio, row_id, status)
        except Exception as second:
            # The first error is what the caller must see.
            attempt.log.error("could not set the status to %s: %s", status, second)
        raise
    except BaseException:
        with anyio.CancelScope(shield=True):
            await in_thread(rows.stop_audio, row_id, back)
        raise
