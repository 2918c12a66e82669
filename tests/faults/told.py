"""What the library tells: in the queue's events, and in its log."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import decode

__all__ = ["Told", "events_of"]


class Told(logging.Handler):
    """`heard` is set once the logger says `words`, whatever its level; a context manager."""

    def __init__(self, words: str, logger: str) -> None:
        super().__init__()
        self._words = words
        self._logger = logging.getLogger(logger)
        self._level = self._logger.level
        self.heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Looks for the words."""
        if self._words in record.getMessage():
            self.heard.set()

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._level)
        self._logger.removeHandler(self)


async def events_of(store: QueueStore, *names: str) -> list[tuple[str, str]]:
    """The events of these names so far, and the jobs they are about."""
    await store.event_log.flush()
    query = {"next_by_subj": store.names.events, "seq": 1, "batch": 100}
    messages = await store.wire.get_batch(store.names.space.events, query)
    told = [event for message in messages for event in decode(message.data)]
    return [(event["event"], event["jobId"]) for event in told if event["event"] in names]
