"""Waiting for what the library says in its log."""

from __future__ import annotations

import asyncio
import logging
from typing import Self

__all__ = ["Told"]


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
