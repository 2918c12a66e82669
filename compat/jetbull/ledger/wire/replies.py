"""What comes back from the server, and those who wait for it.

Answers arrive as raw bytes; nothing is decoded before somebody asks. An acknowledgement of a
stored message is read without a JSON parser where it has its usual form.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from jetbull.errors import Conflict, StoreError, StreamMissing

_WRONG_SEQUENCE = frozenset({10071, 10070, 10164})
_NOT_FOUND = frozenset({10059, 10014, 10037})
_SEQUENCE = b"\nNats-Sequence: "
#: An acknowledgement as nearly all are; a refusal has the sequence 0.
STORED = rb'\{"stream":"[^"]*","seq":([1-9]\d*)\}'

Headers = Mapping[str, str]


class Msg:
    """One message as it arrived; the header block is parsed when first read."""

    __slots__ = ("_block", "_headers", "data", "reply", "subject")

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
        self._block = block
        self._headers = headers

    @property
    def headers(self) -> Headers:
        """The headers; `Status` and `Description` stand for a status line."""
        if self._headers is None:
            self._headers = parse_headers(self._block) if self._block else {}
        return self._headers


@dataclass(frozen=True, slots=True)
class Stored:
    """A direct-get answer: the message as the stream holds it."""

    subject: str
    seq: int
    data: bytes
    headers: Headers
    time: str
    pending: int


def parse_headers(block: bytes) -> dict[str, str]:
    """Headers of one message, and its status line as `Status` and `Description`."""
    first, *lines = block.decode("utf-8", "replace").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    status = first[8:].strip()  # behind "NATS/1.0"
    if status:
        headers["Status"], _, headers["Description"] = status.partition(" ")
    return headers


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
            msg = Msg("", "", data, block)
            if block is not None and msg.headers.get("Status") == "503":
                self.future.set_exception(_nobody())
            else:
                self.future.set_result(msg)
        return True


class ForMany(_Waiter):
    """Collects direct-get answers until the end-of-batch marker (ADR-31); gives them, and how many
    more there are of what was asked for."""

    __slots__ = ("found",)

    def __init__(self, deadline: float) -> None:
        super().__init__(deadline)
        self.found: list[Stored] = []

    def feed(self, data: bytes, block: bytes | None) -> bool:
        headers = parse_headers(block) if block else {}
        status = headers.get("Status")
        if status is None:
            self.found.append(stored_of(data, headers))
            return False
        if not self.future.done():
            if status in ("204", "404"):
                left = int(headers.get("Nats-Num-Pending", "0"))
                self.future.set_result((self.found, left))
            else:
                self.future.set_exception(_refused(status, headers))
        return True


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
            return self._end({} if block is None else parse_headers(block))
        seq = int(block[at + len(_SEQUENCE) : block.index(b"\r", at)])
        self.deadline = monotonic() + self._patience
        try:
            self._found.append(self._pick(seq, data))
        except Exception as error:  # whoever asked has to know, and the reader to go on
            self.fail(error)
        return False

    def _end(self, headers: Headers) -> bool:
        if not self.future.done():
            status = headers.get("Status", "")
            if status in ("204", "404"):
                left = int(headers.get("Nats-Num-Pending", "0"))
                self.future.set_result((self._found, left))
            else:
                self.future.set_exception(_refused(status, headers))
        return True


def _refused(status: str, headers: Headers) -> StoreError:
    if status == "503":
        return _nobody()
    text = headers.get("Description", "")
    return StoreError(f"The server refused a read: {status} {text}")


def _nobody() -> StreamMissing:
    return StreamMissing("No JetStream stream listens here.")


def stored_of(data: bytes, headers: Headers) -> Stored:
    """The stored message a direct get answered with."""
    return Stored(
        headers["Nats-Subject"],
        int(headers["Nats-Sequence"]),
        data,
        headers,
        headers["Nats-Time-Stamp"],
        int(headers.get("Nats-Num-Pending", "0")),
    )


def stored_by_leader(message: Mapping[str, Any]) -> Stored:
    """The stored message a `STREAM.MSG.GET` answered with."""
    block = b64decode(message.get("hdrs", ""))
    return Stored(
        message["subject"],
        int(message["seq"]),
        b64decode(message.get("data", "")),
        parse_headers(block) if block else {},
        message["time"],
        0,
    )


def sequence_of(data: bytes, block: bytes | None = None) -> int:
    """The sequence (or counter value) an acknowledgement names; StoreError for a refusal."""
    # {"stream":"JB_bull","seq":12345}: by far the most frequent answer, not worth a parser.
    # A refusal ends in "seq":0.
    number = data[data.rfind(b'"seq":') + 6 : -1]
    if number.isdigit() and number != b"0":
        return int(number)
    if block is not None and parse_headers(block).get("Status") == "503":
        raise _nobody()
    answer = json.loads(data)
    error = answer.get("error")
    if error is None:
        value = answer.get("val")
        return int(answer["seq"]) if value is None else int(value)
    raise store_error(error)


def store_error(error: Mapping[str, Any]) -> StoreError:
    """The exception for a JetStream error object."""
    code = int(error.get("err_code", error.get("code", 0)))
    text = str(error.get("description", error))
    if code in _WRONG_SEQUENCE:
        return Conflict(text, code)
    if code in _NOT_FOUND:
        return StreamMissing(text, code)
    return StoreError(f"The server refused: {text} (JetStream error {code})", code)


__all__ = [
    "STORED",
    "ForAnswer",
    "ForMany",
    "ForPicks",
    "ForSequence",
    "Headers",
    "Msg",
    "Stored",
    "Waiter",
    "parse_headers",
    "sequence_of",
    "store_error",
    "stored_by_leader",
    "stored_of",
]
