"""nats-py's client with shorter ends: what one turn of the event loop sends is written at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client as NatsClient
from nats.aio.transport import TcpTransport
from nats.errors import Error as NatsError

from jetbull.errors import StoreError
from jetbull.ledger.wire.parser import FastParser, Handler, Reader
from jetbull.ledger.wire.stored import Headers
from jetbull.tasks import background

log = logging.getLogger("jetbull.wire")

# Bytes asked of the socket at once. For asyncio's own 256 KiB the C library maps, shrinks and
# unmaps memory with each read; up to 128 KiB it does not.
_READ_SIZE = 64 * 1024
_EARLY_WRITE = 64 * 1024  # bytes that do not wait for the end of the turn


class Client(NatsClient):
    """nats-py's client with a short way out (`push`) and in (`handlers`).

    A callback of nats-py costs a parsed header block, a queue and a task's turn for each message
    (20 us with headers, 5 us without), its publish 25 us with headers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.handlers: dict[int, Handler] = {}
        self.readers: dict[int, Reader] = {}
        self._parser = self._ps = FastParser(self)
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._due = False
        self.held = False  # while several questions are asked that leave together
        self.ahead = 0  # bytes written since the socket was last waited for
        self._kick: asyncio.Task[Any] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._feed: Callable[..., None] = _nowhere
        self._detour = False  # whether nats-py's reader has something to read first

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """nats-py's, which speaks TLS only where the server asks for it.

        Whoever asked for TLS gets it, or no connection: what follows holds the login. Behind that
        the server may tell anew how large a message may be: an account or user may have less room.
        """
        if initial_connection and self._wants_tls():
            if not (info.get("tls_required") or info.get("tls_available")):
                raise NatsError("nats: TLS is asked for, and the server offers none")
            info["tls_required"] = True  # is `_server_info`, which nats-py looks at next
        await super()._process_info(info, initial_connection)
        if not initial_connection and info.get("max_payload", 0) > 0:
            self._max_payload = int(info["max_payload"])

    def _wants_tls(self) -> bool:
        assert self._current_server is not None
        scheme = self._current_server.uri.scheme
        return scheme == "tls" or ("tls" in self.options and scheme == "nats")

    def shorten(self) -> None:
        """From now on the socket hands messages to plain listeners without nats-py's reader."""
        reader = getattr(self._transport, "_io_reader", None)
        if isinstance(reader, asyncio.StreamReader):
            self._reader, self._feed = reader, reader.feed_data
            self._detour = self._detour or bool(reader._buffer)  # type: ignore[attr-defined]
            reader.feed_data = self._fed  # type: ignore[assignment, method-assign]
        writer = getattr(self._transport, "_io_writer", None)
        if isinstance(writer, asyncio.StreamWriter) and hasattr(writer.transport, "max_size"):
            writer.transport.max_size = _READ_SIZE
        if isinstance(writer, asyncio.StreamWriter) and writer.get_extra_info("sslcontext"):
            # nats-py does not say so, and asyncio would warn at the end of each connection.
            writer.transport.get_protocol()._over_ssl = True  # type: ignore[attr-defined]

    def _fed(self, data: bytes) -> None:
        if self.is_closed:
            return
        if not self._detour:
            data = self._parser.take(data)
            if not data:
                return
            self._detour = True
        self._feed(data)

    def begin_detour(self) -> None:
        """nats-py's reader parses: what comes meanwhile has to wait behind it."""
        self._detour = True

    def end_detour(self) -> None:
        """nats-py's reader has parsed what it read, though there may be more."""
        self._detour = bool(self._reader and self._reader._buffer)  # type: ignore[attr-defined]

    def push(self, command: bytes) -> None:
        """Sends a protocol message with this turn of the loop."""
        self._parts.append(command)
        self._size += len(command)
        if self._size > _EARLY_WRITE:
            self._write_parts()  # a long turn: let the server begin
        elif not self._due:
            self._due = True
            self._loop.call_soon(self._end_turn)

    def hurry(self) -> None:
        """Writes what was gathered now: for one who will only wait after this."""
        if self._parts:
            self._write_parts()

    def _end_turn(self) -> None:
        self._due = False
        if self._parts and not self.held:
            self._write_parts()

    def _write_parts(self) -> None:
        data = b"".join(self._parts)
        self._parts.clear()
        self.ahead += self._size
        self._size = 0
        if not self.is_connected:
            return
        if not self._pending and isinstance(self._transport, TcpTransport):
            self._transport.write(data)  # type: ignore[no-untyped-call]
            return
        # What nats-py itself has not written yet (a SUB, a PING) goes first.
        self._pending.append(data)
        self._pending_data_size += len(data)
        if self._kick is None or self._kick.done():
            self._kick = background(self._flush_pending(), self._loop)

    async def _process_pong(self) -> None:
        """As nats-py's, whose reader ends at a pong that nobody waits for any more."""
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
        else:
            await super()._process_pong()

    async def _process_op_err(self, e: Exception) -> None:
        """As nats-py's, which ends half-way, and tells nobody, where something is left to send."""
        self._pending.clear()
        self._pending_data_size = 0
        await super()._process_op_err(e)

    async def room(self) -> None:
        """Returns when the socket has taken what was written."""
        self.ahead = 0
        if self._parts:
            self._write_parts()
        if self.is_connected and self._transport is not None:
            await self._transport.drain()  # type: ignore[no-untyped-call]

    async def rest(self) -> None:
        """Writes what was gathered; for the end of a connection."""
        if self._parts:
            self._write_parts()
        if self._kick is not None:
            await asyncio.gather(self._kick, return_exceptions=True)


def _nowhere(data: bytes) -> None:
    """Until there is a connection, nothing is read."""


async def abandon(client: Client) -> None:
    """Drops a connection without waiting for the other side."""
    transport = client._transport
    if transport is None:
        return  # it never came to a connection
    writer = getattr(transport, "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
    try:
        async with asyncio.timeout(1):
            await client.close()
    except (NatsError, OSError, TimeoutError) as error:
        log.debug("abandoned: %r", error)


def reason_of_loss(client: Client) -> str:
    """What the server said when it hung up, in brackets; nothing where it said nothing."""
    told = str(client.last_error or "")
    is_its_own = told.startswith("nats: ") and "unexpected EOF" not in told
    return f" ({told[6:]})" if is_its_own and "permissions" not in told else ""


def command_of(subject: str, payload: bytes, reply: str, headers: Headers | None) -> bytes:
    """PUB or HPUB of the NATS protocol. Subjects are made of escaped names."""
    if not headers:
        return b"%b%b\r\n" % (f"PUB {subject} {reply} {len(payload)}\r\n".encode(), payload)
    block = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if block.count("\n") != len(headers):
        raise StoreError(f"A header of the message to {subject} holds a line break.")
    size = 12 + (len(block) if block.isascii() else len(block.encode()))
    start = f"HPUB {subject} {reply} {size} {size + len(payload)}\r\nNATS/1.0\r\n{block}\r\n"
    return b"%b%b\r\n" % (start.encode(), payload)


__all__ = ["Client", "abandon", "command_of", "reason_of_loss"]
