"""Stored messages as the server answers with them; of their headers nothing is read unasked."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

__all__ = ["Headers", "StoredMessage", "parse_headers", "stored_by_leader", "stored_in"]

_SUBJECT = b"\r\nNats-Subject: "
_PLACE = re.compile(
    rb"\r\nNats-Subject: ([^\r]*)\r\nNats-Sequence: (\d+)\r\nNats-Time-Stamp: ([^\r]*)\r\n"
    rb"(?:Nats-Num-Pending: (\d+)\r\n)?"
).match

Headers = Mapping[str, str]


class StoredMessage:
    """A message as the stream holds it; `pending` is how many more were asked for behind it."""

    __slots__ = ("_block", "_headers", "data", "pending", "seq", "subject", "time")

    def __init__(
        self, subject: str, seq: int, data: bytes, block: bytes, time: str, pending: int
    ) -> None:
        self.subject = subject
        self.seq = seq
        self.data = data
        self.time = time
        self.pending = pending
        self._block = block
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """The headers it was stored with, and those the server added."""
        if self._headers is None:
            self._headers = parse_headers(self._block) if self._block else {}
        return self._headers


def stored_in(data: bytes, block: bytes | None) -> StoredMessage | None:
    """The message a direct get answered with; None when it says that there is none."""
    # The server's own fields stand behind those of the message.
    at = -1 if block is None else block.rfind(_SUBJECT)
    found = None if block is None or at < 0 else _PLACE(block, at)
    if block is None or found is None:
        return None
    subject, seq, time, pending = found.groups()
    return StoredMessage(subject.decode(), int(seq), data, block, time.decode(), int(pending or 0))


def stored_by_leader(message: Mapping[str, Any]) -> StoredMessage:
    """The message a `STREAM.MSG.GET` answered with."""
    block = b64decode(message.get("hdrs", ""))
    data = b64decode(message.get("data", ""))
    return StoredMessage(message["subject"], int(message["seq"]), data, block, message["time"], 0)


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
