"""One queue's place in the ledger: the connection, the names, the event log and the id counter.

The verbs are in the neighbouring files (adding, taking, finishing, moving, reading …); each takes
a `QueueStore` first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from jetbull.errors import AckTimeout, Conflict, StreamMissing
from jetbull.ledger.events import Event, EventLog
from jetbull.ledger.guard import HeaderMap
from jetbull.ledger.ids import IdSource
from jetbull.ledger.names import QueueNames
from jetbull.ledger.promoter import Promoter
from jetbull.ledger.streams import ensure_streams
from jetbull.ledger.wire import Wire

log = logging.getLogger("jetbull.ledger")

PATIENCE = 30.0  # seconds a caller waits for a server that is away


class QueueStore:
    """What every ledger verb needs to know of a queue.

    `sibling(prefix, queue)` opens another queue over the same connection (parents, children).
    `patched` and `families` say whether any job of the queue has a patch or children; while they
    are False, nobody asks the server for them.
    """

    __slots__ = ("event_log", "families", "ids", "levels", "names", "patched", "promoter", "sibling", "wire")

    def __init__(
        self,
        wire: Wire,
        names: QueueNames,
        event_log: EventLog,
        sibling: Callable[[str, str], Awaitable[QueueStore]],
        promote: Callable[[QueueStore, str, int], Awaitable[None]],
    ) -> None:
        self.sibling = sibling
        self.promoter = Promoter(partial(promote, self))
        self.wire = wire
        self.names = names
        self.event_log = event_log
        self.ids = IdSource(wire, names)
        self.levels: set[str] = set()
        self.patched = False
        self.families = False

    def emit(self, event: str, **args: Any) -> None:
        """Writes one event; the call belongs right behind the stored transition."""
        body: Event = {"event": event, **args}
        self.event_log.emit(self.names.events, body)

    async def put(
        self,
        subject: str,
        payload: bytes,
        headers: HeaderMap,
        on_stored: Callable[[int], None] | None = None,
        patience: float = PATIENCE,
    ) -> int:
        """Stores one guarded message, through lost connections and restarts; its sequence.

        `Conflict` when the guard failed. A message whose acknowledgement was lost is looked for
        before it is called a conflict, so repeating it changes nothing.
        """
        wire = self.wire
        try:
            return await (await wire.post(subject, payload, headers, on_stored))
        except (AckTimeout, StreamMissing) as error:
            return await self._insist(subject, payload, headers, on_stored, patience, error)

    async def _insist(
        self,
        subject: str,
        payload: bytes,
        headers: HeaderMap,
        on_stored: Callable[[int], None] | None,
        patience: float,
        error: Exception,
    ) -> int:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        pause = 0.05
        while True:
            left = deadline - loop.time()
            if left <= 0:
                raise error
            try:
                async with asyncio.timeout(left):
                    await self.wire.connected()
                    if isinstance(error, StreamMissing):
                        await ensure_streams(self.wire, self.names.space)
                    return await (await self.wire.post(subject, payload, headers, on_stored))
            except Conflict:
                stored = await self.wire.get_one(self.names.space.jobs, {"last_by_subj": subject})
                if stored is None or stored.data != payload:
                    raise
                if on_stored is not None:
                    on_stored(stored.seq)
                return stored.seq
            except (AckTimeout, StreamMissing) as again:
                error = again
            except TimeoutError:
                raise error from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def purge(self, subject: str, **extra: int) -> int:
        """Removes messages by subject (`keep` or `seq` limit it); how many went."""
        answer = await self.wire.api(
            f"STREAM.PURGE.{self.names.space.jobs}", {"filter": subject, **extra}
        )
        return int(answer.get("purged", 0))

    async def hint(self, topic: str, payload: bytes = b"") -> None:
        """Tells the queue's workers, if any listen; nothing is stored."""
        await self.wire.send(self.names.hint(topic), payload)
