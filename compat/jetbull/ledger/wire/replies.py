"""What comes back from the server, and those who wait for it.

Answers arrive as raw bytes; nothing is decoded before somebody asks. An acknowledgement of a
stored message is read without a JSON parser where it has its usual form.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Protocol

from jetbull.errors import StoreError
from jetbull.ledger.wire.refusals import nobody, refused_read, store_error
from jetbull.ledger.wire.stored import Headers, StoredMessage, parse_headers, stored_in

_SEQUENCE = b"\nNats-Sequence: "
_NOBODY = b"NATS/1.0 503"
_NOT_THERE = b"NATS/1.0 404"
#: An acknowledgement as nearly all are; a refusal has the sequence 0.
STORED = rb'\{"stream":"[^"]*","seq":([1-9]\d*)\}'


class Msg:
    """One message as it arrived; the header block is parsed when first read."""

    __slots__ = ("_headers", "block", "data", "reply", "subject")

    def __init__(
        self,
        subject: str,
        reply: str,
        data: bytes,
        block: bytes | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.subject = subject
        self.reply = reply
        self.data = data
        self.block = block
        self._headers = headers

    @property
    def headers(self) -> Headers:
        """The headers; `Status` and `Description` stand for a status line."""
        if self._headers is None:
            self._headers = parse_headers(self.block) if self.block else {}
        return self._headers


class Waiter(Protocol):
    """Someone who waits for one answer or several."""

    deadline: float

    def feed(self, data: bytes, block: bytes | None) -> bool:
        """Takes one answer; True when no other is expected."""

    def fail(self, error: Exception) -> None:
        """There will be no answer."""


class _Waiter:
    __slots__ = ("deadline", "future")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # who waits is told; if nobody does any more, nobody has to be


class ForSequence(_Waiter):
    """Waits for the acknowledgement of one stored message.

    `on_stored` runs in the reader, in the order in which the server stored.
    """

    __slots__ = ("on_stored",)

    def __init__(
        self,
        deadline: float,
        future: asyncio.Future[int],
        on_stored: Callable[[int], None] | None,
    ) -> None:
        self.deadline = deadline
        self.future = future
        self.on_stored = on_stored

    def feed(self, data: bytes, block: bytes | None) -> bool:
        if not self.future.done():
            try:
                seq = sequence_of(data, block)
            except StoreError as error:
                self.future.set_exception(error)
            else:
                self.stored(seq)
        return True

    def stored(self, seq: int) -> None:
        """The message has this sequence."""
        if not self.future.done():
            # Whoever awaits wakes up later in the loop, after `on_stored`.
            self.future.set_result(seq)
            if self.on_stored is not None:
                self.on_stored(seq)


class ForAnswer(_Waiter):
    """Waits for one raw answer."""

    __slots__ = ()

    def feed(self, data: bytes, block: bytes | None) -> bool:
        if not self.future.done():
            if block is not None and block.startswith(_NOBODY):
                self.future.set_exception(nobody())
            else:
                self.future.set_result(Msg("", "", data, block))
        return True


class ForMany(_Waiter):
    """Collects direct-get answers until the end-of-batch marker (ADR-31); gives them, and how many
    more there are of what was asked for."""

    __slots__ = ("found",)

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.found: list[StoredMessage] = []

    def feed(self, data: bytes, block: bytes | None) -> bool:
        message = stored_in(data, block)
        if message is None:
            _end(self.future, self.found, block)
            return True
        self.found.append(message)
        return False


class ForPicks(_Waiter):
    """Collects what a function makes of each direct-get answer, and how many more there are.

    For many messages: little is read of each, and the time runs from the last one.
    """

    __slots__ = ("_found", "_patience", "_pick")

    def __init__(self, now: float, patience: float, pick: Callable[[int, bytes], Any]) -> None:
        super().__init__(now + patience)
        self._patience = patience
        self._pick = pick
        self._found: list[Any] = []

    def feed(self, data: bytes, block: bytes | None) -> bool:
        # The server's own fields stand behind those of the message.
        at = -1 if block is None else block.rfind(_SEQUENCE)
        if block is None or at < 0:
            _end(self.future, self._found, block)
            return True
        seq = int(block[at + len(_SEQUENCE) : block.index(b"\r", at)])
        self.deadline = monotonic() + self._patience
        try:
            self._found.append(self._pick(seq, data))
        except Exception as error:  # whoever asked has to know, and the reader to go on
            self.fail(error)
        return False


class ForEach(_Waiter):
    """Collects the answers to several questions, a message or None each, in their order."""

    __slots__ = ("_found", "_left")

    def __init__(self, deadline: float, count: int) -> None:
        super().__init__(deadline)
        self._found: list[StoredMessage | None] = [None] * count
        self._left = count

    def parts(self) -> Sequence[Waiter]:
        """Who waits for the single answers."""
        return [_Part(self, number) for number in range(self._left)]

    def take(self, number: int, data: bytes, block: bytes | None) -> None:
        """The answer to one of the questions."""
        try:
            self._found[number] = read_one(data, block)
        except StoreError as error:
            self.fail(error)
        self._left -= 1
        if not self._left and not self.future.done():
            self.future.set_result(self._found)


class _Part:
    __slots__ = ("_number", "_whole", "deadline")

    def __init__(self, whole: ForEach, number: int) -> None:
        self.deadline = whole.deadline
        self._whole = whole
        self._number = number

    def feed(self, data: bytes, block: bytes | None) -> bool:
        self._whole.take(self._number, data, block)
        return True

    def fail(self, error: Exception) -> None:
        self._whole.fail(error)


def read_one(data: bytes, block: bytes | None) -> StoredMessage | None:
    """What the answer to a direct get of one message holds."""
    message = stored_in(data, block)
    if message is None and not (block or b"").startswith(_NOT_THERE):
        headers = parse_headers(block) if block else {}
        raise refused_read(headers)
    return message


def _end(future: asyncio.Future[Any], found: list[Any], block: bytes | None) -> None:
    """The last answer of a batch, which tells how many more there are of what was asked for."""
    if future.done():
        return
    headers = parse_headers(block) if block else {}
    status = headers.get("Status", "")
    if status in ("204", "404"):
        future.set_result((found, int(headers.get("Nats-Num-Pending", "0"))))
    else:
        future.set_exception(refused_read(headers))


def sequence_of(data: bytes, block: bytes | None) -> int:
    """The sequence (or counter value) an acknowledgement names; StoreError for a refusal."""
    # {"stream":"JB_bull","seq":12345}: by far the most frequent answer, not worth a parser.
    # A refusal ends in "seq":0.
    number = data[data.rfind(b'"seq":') + 6 : -1]
    if number.isdigit() and number != b"0":
        return int(number)
    if block is not None and parse_headers(block).get("Status") == "503":
        raise nobody()
    answer = json.loads(data)
    error = answer.get("error")
    if error is None:
        value = answer.get("val")
        return int(answer["seq"]) if value is None else int(value)
    raise store_error(error)


__all__ = [
    "STORED",
    "ForAnswer",
    "ForEach",
    "ForMany",
    "ForPicks",
    "ForSequence",
    "Msg",
    "Waiter",
    "read_one",
    "sequence_of",
]
