"""What the tasks work with, opened once per process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread

from .audio import find_ffmpeg
from .catalogue import Catalogue
from .diacritics import Diacritics
from .errors import AudibookError
from .logs import JobLogger
from .settings import Settings
from .speech import Speech
from .storage import Storage
from .storage.keys import version_ms

__all__ = ["Enqueue", "Services", "in_thread"]

Enqueue = Callable[[str, Mapping[str, Any], str], Awaitable[object]]
"""Adds a follow-up job: name, data and a deduplication id."""

_T = TypeVar("_T")
_FORGOTTEN_AFTER_MS = 3_600_000


async def in_thread(function: Callable[..., _T], *arguments: object) -> _T:
    """Run a blocking function in a worker thread, so that the event loop stays free."""
    return await anyio.to_thread.run_sync(function, *arguments)


@dataclass
class Services:
    """Everything a task needs; `enqueue` is there where follow-up jobs are wanted."""

    settings: Settings
    storage: Storage
    catalogue: Catalogue
    speech: Speech
    diacritics: Diacritics
    enqueue: Enqueue | None = None

    @cached_property
    def ffmpeg(self) -> Path:
        """The ffmpeg program; raises AudioToolError when there is none."""
        return find_ffmpeg(self.settings.ffmpeg)

    async def discard(self, keys: Iterable[str], log: JobLogger) -> None:
        """Delete objects nobody needs any more; a failure is logged and otherwise harmless."""
        for key in keys:
            try:
                await in_thread(self.storage.delete, key)
            except AudibookError as error:
                log.warning("could not delete an old object: %s", error, extra={"key": key})

    async def discard_versions(
        self, prefix: str, current: str, previous: str | None, log: JobLogger
    ) -> None:
        """Delete the version of an object that was replaced, and forgotten ones.

        A newer or recent version is left: another attempt may just have stored it.
        """
        old = {previous} if previous else set()
        made = version_ms(current, prefix) or 0
        try:
            found = await in_thread(lambda: list(self.storage.keys(prefix)))
        except AudibookError as error:
            log.warning("could not list old objects: %s", error, extra={"prefix": prefix})
            found = []
        forgotten = made - _FORGOTTEN_AFTER_MS
        old |= {key for key in found if (version_ms(key, prefix) or made) < forgotten}
        await self.discard(sorted(old - {current}), log)

    def close(self) -> None:
        """Let go of connections."""
        self.catalogue.close()
        self.storage.close()
