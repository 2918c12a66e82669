"""Waiting for the acknowledgements of many messages together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jetbull.errors import StoreError
from jetbull.ledger.wire.replies import ForSequence, sequence_of


class ForMessages:
    """Waits for so many messages; `future` gives the errors of those that were not stored.

    Both the errors and `stored`, the sequences, are by the message's number, from 0. `on_stored`
    hears the numbers of those that were stored, some at a time, in the order in which they were.
    `ready` are those that are to be sent: number, place of the answer, command.
    """

    __slots__ = (
        "_errors",
        "_left",
        "_loop",
        "_on_stored",
        "_untold",
        "future",
        "ready",
        "stored",
    )

    def __init__(self, count: int, on_stored: Callable[[list[int]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[dict[int, Exception]] = self._loop.create_future()
        self.stored: dict[int, int] = {}
        self.ready: list[tuple[int, bytes, bytes]] = []
        self._errors: dict[int, Exception] = {}
        self._left = count
        self._on_stored = on_stored
        self._untold: list[int] = []

    def one(self, number: int, deadline: float) -> ForSequence:
        """Who waits for one of the messages."""
        return _One(self, number, deadline)

    def take_ready(self) -> list[tuple[int, bytes, bytes]]:
        """What is to be sent, once."""
        ready, self.ready = self.ready, []
        return ready

    def store(self, number: int, seq: int) -> None:
        """One of them has this sequence."""
        self.stored[number] = seq
        if not self._untold:
            self._loop.call_soon(self._tell)
        self._untold.append(number)
        self._left -= 1
        if not self._left:
            self._end()

    def refuse(self, number: int, error: Exception) -> None:
        """One of them is not stored, as far as is known."""
        self._errors[number] = error
        self._left -= 1
        if not self._left:
            self._end()

    def _tell(self) -> None:
        if self._untold:
            numbers, self._untold = self._untold, []
            self._on_stored(numbers)

    def _end(self) -> None:
        self._tell()
        if not self.future.done():
            self.future.set_result(self._errors)


class _One(ForSequence):
    __slots__ = ("_number", "_whole")

    def __init__(self, whole: ForMessages, number: int, deadline: float) -> None:
        self._whole = whole
        self._number = number
        self.deadline = deadline

    def feed(self, data: bytes, block: bytes | None) -> bool:
        try:
            seq = sequence_of(data, block)
        except StoreError as error:
            self._whole.refuse(self._number, error)
        else:
            self._whole.store(self._number, seq)
        return True

    def stored(self, seq: int) -> None:
        self._whole.store(self._number, seq)

    def fail(self, error: Exception) -> None:
        self._whole.refuse(self._number, error)


__all__ = ["ForMessages"]
