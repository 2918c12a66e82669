"""A TCP proxy in this process that can cut a link, swallow what passes, or drop answers."""

from __future__ import annotations

import asyncio
import re
from typing import Self

_CHUNK = 64 * 1024
_GUARD = re.compile(rb"(?<=Nats-Expected-Last-Subject-Sequence: )\d+")


class Proxy:
    """Listens on a free port of loopback and passes on to `port`, unless told otherwise."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dead: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._refusing = False
        self._deaf = False
        self._dumb = False
        self._reluctant = False
        self._awaited = self._spoilt = b""
        self._held: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._let_go = asyncio.Event()
        self.holding = asyncio.Event()

    @property
    def links(self) -> int:
        """How many connections there are."""
        return len(self._pairs)

    @property
    def url(self) -> str:
        """The NATS URL of the proxy."""
        assert self._server is not None
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Ends every connection as a pulled plug with a polite router would: by a reset."""
        for one, other in self._pairs:
            one.transport.abort()
            other.transport.abort()

    def refuse(self) -> None:
        """Cuts, and takes no new connection until `heal`."""
        self._refusing = True
        self.cut()

    def swallow(self) -> None:
        """Half-open: connections stay, and nothing passes in either direction."""
        self._deaf = self._dumb = True

    def go_dead(self) -> None:
        """The connections there are become half-open for good; new ones work."""
        self._dead |= self._pairs

    def drop_answers(self) -> None:
        """What clients send arrives; what the server says does not."""
        self._dumb = True

    def hold(self) -> None:
        """Answers over the connections there are wait until `let_go`."""
        self._let_go.clear()
        self._held |= self._pairs

    def hold_next(self) -> None:
        """Of the next connection, answers wait from its first subscription on, until `let_go`.

        `holding` is set when they do.
        """
        self._reluctant = True
        self._let_go.clear()
        self.holding.clear()

    def hold_message(self, beginning: bytes) -> None:
        """The next message that begins so, and what is behind it, waits until `let_go`.

        `holding` is set when it does.
        """
        self._awaited = beginning
        self._let_go.clear()
        self.holding.clear()

    def spoil(self, beginning: bytes) -> None:
        """The next message that begins so expects a sequence that no message has."""
        self._spoilt = beginning

    def let_go(self) -> None:
        """What was held passes."""
        self._let_go.set()

    def heal(self) -> None:
        """New connections work; those that lost bytes are of no use any more and are cut."""
        broken = self._deaf or self._dumb
        self._refusing = self._deaf = self._dumb = False
        if broken:
            self.cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there, away = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, away)
        self._pairs.add(pair)
        both = [
            asyncio.ensure_future(self._pass(reader, away, pair, "_deaf")),
            asyncio.ensure_future(self._pass(there, writer, pair, "_dumb")),
        ]
        self._tasks.update(both)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pairs.discard(pair)
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            self._tasks.difference_update(both)
            writer.transport.abort()
            away.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        gate: str,
    ) -> None:
        try:
            while data := await reader.read(_CHUNK):
                if gate == "_deaf" and self._reluctant and b"SUB " in data:
                    self._reluctant = False
                    self._held.add(pair)
                    self.holding.set()
                if gate == "_deaf" and self._awaited and self._awaited in data:
                    before, begun, rest = data.partition(self._awaited)
                    writer.write(before)
                    await writer.drain()
                    data, self._awaited = begun + rest, b""
                    self.holding.set()
                    await self._let_go.wait()
                if gate == "_deaf" and self._spoilt and self._spoilt in data:
                    before, begun, rest = data.partition(self._spoilt)
                    data = before + begun + _GUARD.sub(lambda m: b"9" * len(m[0]), rest, count=1)
                    self._spoilt = b""
                if gate == "_dumb" and pair in self._held:
                    await self._let_go.wait()
                if not getattr(self, gate) and pair not in self._dead:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            return
