"""Reading the connection: messages of plain listeners go to them at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from nats.protocol.parser import Parser

if TYPE_CHECKING:
    from jetbull.ledger.wire.client import Client

log = logging.getLogger("jetbull.wire")

_M, _H = b"MH"  # how MSG and HMSG begin

Handler = Callable[[bytes, bytes, bytes, bytes | None], None]
"""A plain listener, called by the reader: subject, reply, data, header block."""


class FastParser(Parser):
    """Cuts messages out of what was read without a regular expression and a copy of the rest.

    Those of plain listeners go straight there; everything else is left to nats-py.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        super().__init__(client)

    def reset(self) -> None:
        """Forgets what was begun (a new connection)."""
        self._rest = b""
        super().reset()

    async def parse(self, data: bytes = b"") -> None:
        """Takes one chunk from the socket."""
        if self._rest:
            data = self._rest + data
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
                await super().parse(data[position:body])
                position = body
                continue
            if stop + 2 > end:
                break
            position = stop + 2
            handler = self._client.handlers.get(int(parts[1]))
            reply = parts[2] if with_reply else b""
            block = data[body:start] or None
            if handler is None:
                await self._client._process_msg(
                    int(parts[1]),
                    parts[0],
                    reply,
                    data[start:stop],
                    block,  # type: ignore[arg-type]
                )
                continue
            try:
                handler(parts[0], reply, data[start:stop], block)
            except Exception:
                log.exception("a listener failed")  # the reader has to go on for the others
        self._rest = data[position:]


__all__ = ["FastParser", "Handler"]
