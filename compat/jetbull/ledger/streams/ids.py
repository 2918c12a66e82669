"""Generated job ids: a counter per queue, reserved ahead in growing blocks.

One process gives 1, 2, 3 … without gaps. What it has not used in the end it writes down, and who
reserves right behind that gives those first: the counter itself takes no guarded step back, and an
unguarded one could give an id twice. Several processes at once get blocks of their own
(docs/differences.md).
"""

from __future__ import annotations

import asyncio
import json
import logging
from time import monotonic

from jetbull.errors import AckTimeout, StoreError, StreamMissing
from jetbull.ledger.messages.beside import object_of
from jetbull.ledger.messages.names import QueueNames
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire

log = logging.getLogger("jetbull.ledger")

_MAX_BLOCK = 512
_MAX_REST = 2 * _MAX_BLOCK  # more no process has left
_PATIENCE = 30.0  # seconds
_REST_SECONDS = 2.0  # whoever closes waits no longer for the rest to be written down


class IdSource:
    """Ids of one queue over one connection."""

    def __init__(self, wire: Wire, names: QueueNames) -> None:
        self._wire = wire
        self._subject = names.counter("id")
        self._rest = names.aux("ids", "rest")
        self._space = names.space
        self._stream = names.space.counters
        self._next = 1
        self._last = 0
        self._block = 1
        self._is_first = True  # reservation
        self._lock = asyncio.Lock()
        self._failure = ""  # of the last reservation

    async def take(self, count: int = 1) -> range:
        """`count` consecutive ids; AckTimeout after half a minute, however many ask at once."""
        if self._left < count:
            deadline = monotonic() + _PATIENCE
            async with self._lock:
                if self._left < count:
                    if self._failure and monotonic() >= deadline:
                        raise AckTimeout(self._failure)
                    await self._reserve(count, deadline)
        first = self._next
        self._next += count
        return range(first, first + count)

    async def _reserve(self, count: int, deadline: float) -> None:
        step = max(self._block, count - self._left)
        while True:
            end, rest = await self._add(step, deadline), 0
            if self._is_first:
                self._is_first, rest = False, await self._left_before(end - step)
            # Some of those that were left may have been taken meanwhile.
            if end - step != self._last:
                self._next = end - step + 1 - rest
            self._last = end
            if self._left >= count:
                break
            step = count
        self._block = min(self._block * 2, _MAX_BLOCK)

    @property
    def _left(self) -> int:
        """How many ids are reserved and not given yet."""
        return self._last - self._next + 1

    async def _add(self, step: int, deadline: float) -> int:
        while True:
            try:
                end = await (await self._wire.post(self._subject, b"", {"Nats-Incr": f"+{step}"}))
                self._failure = ""
                return end
            except (AckTimeout, StreamMissing) as error:
                # Counted or not: numbers that were lost with the answer leave a gap, no more.
                self._failure = str(error)
                try:
                    async with asyncio.timeout(deadline - monotonic()):
                        await self._wire.connected()
                        if isinstance(error, StreamMissing):
                            await ensure_streams(self._wire, self._space)
                        await asyncio.sleep(0.05)
                except TimeoutError:
                    raise error from None

    async def _left_before(self, last: int) -> int:
        """How many ids up to `last` nobody was given: a process wrote them down when it ended.

        The counter passes each number once, so there is one who reserves right behind it.
        """
        if not last:
            return 0
        found = await self._wire.get_last(self._space.jobs, self._rest)
        rest = None if found is None else object_of(found.subject, found.data, "count", "last")
        if rest is None or rest["last"] != last:
            return 0
        return max(0, min(int(rest["count"]), _MAX_REST, last))

    async def last(self) -> int:
        """The highest number reserved so far by anybody; 0 before the first."""
        found = await self._wire.get_one(self._stream, {"last_by_subj": self._subject})
        return 0 if found is None else int(json.loads(found.data)["val"])

    async def give_back(self) -> None:
        """Writes the unused rest of the block down, for whoever reserves behind it."""
        left, last = self._left, self._last
        if left <= 0 or not self._wire.is_connected:
            return
        self.forget()  # at once: whoever wants an id meanwhile is not to get one of these
        rest = json.dumps({"count": left, "last": last}).encode()
        try:
            async with asyncio.timeout(_REST_SECONDS):
                await (await self._wire.post(self._rest, rest))
        except (TimeoutError, StoreError) as error:
            log.debug("%d ids are not given back and stay a gap: %s", left, error)

    def forget(self) -> None:
        """Drops the reservation (the counter was reset)."""
        self._next, self._last, self._block = 1, 0, 1
        self._is_first = True


__all__ = ["IdSource"]
