"""Reading the connection: messages of plain listeners go to them at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from nats.protocol.parser import Parser

log = logging.getLogger("jetbull.wire")

_M, _H = b"MH"  # how MSG and HMSG begin

Handler = Callable[[bytes, bytes, bytes, bytes | None], None]
"""A plain listener, called by the reader: subject, reply, data, header block."""

Reader = Callable[[bytes, int], int]
"""Takes the messages of its subscription that begin at a position; gives where the rest begins."""


class Reading(Protocol):
    """What the parser needs of the connection it reads."""

    handlers: dict[int, Handler]
    readers: dict[int, Reader]

    def begin_detour(self) -> None:
        """nats-py's reader parses from here."""

    def end_detour(self) -> None:
        """nats-py's reader has parsed what it read."""

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None: ...


class FastParser(Parser):
    """Cuts messages out of what was read without a regular expression and a copy of the rest.

    Those of plain listeners go straight there; everything else is left to nats-py, whose reader
    is a task. `take` is called by the socket itself: a message costs no turn of the event loop.
    """

    def __init__(self, client: Reading) -> None:
        self._client = client
        super().__init__(client)

    def reset(self) -> None:
        """Forgets what was begun (a new connection)."""
        self._rest = b""
        super().reset()

    def take(self, data: bytes) -> bytes:
        """Hands on every message up to the first thing that is not for a plain listener.

        What begins there is given back, and `parse` has to be called with it.
        """
        if self._rest:
            data = self._rest + data
        handlers, readers = self._client.handlers, self._client.readers
        position, end = 0, len(data)
        while True:
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                break
            body = line_end + 2
            kind = data[position]
            if kind == _M:
                parts = data[position + 4 : line_end].split()
                start, stop = body, body + int(parts[-1])
                with_reply = len(parts) == 4
            elif kind == _H:
                parts = data[position + 5 : line_end].split()
                start, stop = body + int(parts[-2]), body + int(parts[-1])
                with_reply = len(parts) == 5
            else:
                self._rest = b""
                return data[position:]
            if stop + 2 > end:
                break
            sid = int(parts[1])
            handler = handlers.get(sid)
            if handler is None:
                self._rest = b""
                return data[position:]
            position = stop + 2
            try:
                handler(
                    parts[0],
                    parts[2] if with_reply else b"",
                    data[start:stop],
                    data[body:start] or None,
                )
                if sid in readers:
                    position = readers[sid](data, position)
            except Exception:
                log.exception("a listener failed")  # the reader has to go on for the others
        self._rest = data[position:]
        return b""

    async def parse(self, data: bytes = b"") -> None:
        """Takes one chunk from nats-py's reader, whatever is in it."""
        self._client.begin_detour()
        while data := self.take(data):
            line, found, rest = data.partition(b"\r\n")
            if line[0] in (_M, _H):
                data = await self._message(line, rest)
            else:
                await super().parse(line + found)
                data = rest
        self._client.end_detour()

    async def _message(self, line: bytes, rest: bytes) -> bytes:
        """Gives nats-py's own listeners a message; what follows it."""
        headers = line[0] == _H
        parts = line.split()[1:]
        stop = int(parts[-1])
        start = int(parts[-2]) if headers else 0
        reply = parts[2] if len(parts) == (5 if headers else 4) else b""
        await self._client._process_msg(
            int(parts[1]),
            parts[0],
            reply,
            rest[start:stop],
            rest[:start] or None,  # type: ignore[arg-type]
        )
        return rest[stop + 2 :]


__all__ = ["FastParser", "Handler", "Reader"]
