"""What dead workers leave behind: expired leases and children whose parent was not told.

Both arrive as tickets of one consumer, made by the server when a schedule fired.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from jetbull.errors import Conflict, ConnectionClosedError, JetbullError
from jetbull.ledger.adding import schedules
from jetbull.ledger.finishing import finishing
from jetbull.ledger.finishing.retention import KEEP_ALL, Keep
from jetbull.ledger.job import late
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import SETTLE, lane_of, last_token, state_of
from jetbull.ledger.messages.placing import waiting
from jetbull.ledger.queue.consumers import ensure_delivery, repair_consumer
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.feed import POLL_SECONDS, Feed

STALLED_REASON = "job stalled more than allowable limit"
_AT_ONCE = 16
_LATER = b'-NAK {"delay": 2000000000}'

log = logging.getLogger("jetbull.ledger")

KeepOf = Callable[[Ticket, str], Keep]


class Repair:
    """The repair loop of one worker."""

    def __init__(
        self,
        store: QueueStore,
        max_stalled: int,
        on_stalled: Callable[[str], None],
        keep_of: KeepOf = lambda ticket, state: KEEP_ALL,
    ) -> None:
        self._store = store
        self._max_stalled = max_stalled
        self._on_stalled = on_stalled
        self._keep_of = keep_of
        self._tickets: asyncio.Queue[Ticket] = asyncio.Queue()
        self._stale = True

    async def run(self) -> None:
        """Handles tickets until cancelled."""
        store = self._store
        name, filters = repair_consumer(store.names)
        feed = Feed(store.wire, store.names.space.jobs, name, self._tickets.put_nowait)
        asked = asyncio.Event()
        asked.set()
        feed.on_poll_over(asked.set)

        def reconnected() -> None:
            self._stale = True
            asked.set()

        forget = store.wire.on_reconnect(reconnected)
        await feed.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ask(feed, asked, name, filters))
                while True:
                    await self._handle(await self._tickets.get())
                    asked.set()
        finally:
            forget()
            await feed.close()

    async def once(self) -> None:
        """Handles the tickets that are there now."""
        store = self._store
        name, filters = repair_consumer(store.names)
        await ensure_delivery(store, name, filters)
        feed = Feed(store.wire, store.names.space.jobs, name, self._tickets.put_nowait)
        await feed.open()
        try:
            while await feed.grab(_AT_ONCE):
                while not self._tickets.empty():
                    await self._handle(self._tickets.get_nowait())
        finally:
            await feed.close()

    async def _ask(self, feed: Feed, asked: asyncio.Event, name: str, filters: list[str]) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await asked.wait()
            except TimeoutError:
                pass  # the request may have been lost: look whether one still stands
            asked.clear()
            try:
                if self._stale or feed.lost:
                    await ensure_delivery(self._store, name, filters)
                    feed.forget()
                    self._stale = False
                if feed.standing == 0:
                    await feed.poll(_AT_ONCE)
            except ConnectionClosedError:
                raise
            except JetbullError as error:
                log.warning("cannot look for stalled jobs for now: %s", error)
                await self._store.wire.connected()
                await asyncio.sleep(0.2)
                self._stale = True
                asked.set()

    async def _handle(self, ticket: Ticket) -> None:
        job_id = last_token(ticket.stored.subject)
        try:
            if await late.is_late(self._store, ticket.stored):
                await late.discard(self._store, ticket.stored)
            elif state_of(ticket.stored.subject) == SETTLE:
                state = lane_of(ticket.stored.subject)
                keep = self._keep_of(ticket, state)
                await finishing.settle(self._store, ticket.stored, job_id, state, keep)
            else:
                await self._stalled(ticket, job_id)
            # Only what was stored behind the ticket tells that the job has moved on. Refused while
            # nothing has: a cluster's new leader may have counted a message that was lost with the
            # old one, or not know the ticket yet. Acknowledged, the job would be lost.
            newest = await self._store.newest(job_id)
            answer = b"+ACK" if newest and newest.seq > ticket.stored.seq else _LATER
        except Exception as error:
            # One bad job must not end the repair of all others.
            if isinstance(error, JetbullError):
                log.warning("job %s is not repaired yet: %s", job_id, error)
            else:
                log.exception("job %s is not repaired yet", job_id)
            answer = _LATER
        await self._store.wire.send(ticket.reply, answer)

    async def _stalled(self, ticket: Ticket, job_id: str) -> None:
        head = {k: v for k, v in ticket.stored.record.head.items() if k != "token"}
        head["stalledCounter"] = head.get("stalledCounter", 0) + 1
        if head["stalledCounter"] > self._max_stalled and not await self._is_scheduled(ticket):
            head["deferredFailure"] = STALLED_REASON
        record = ticket.stored.record.with_head(head)

        def stored(_: int) -> None:
            self._store.emit("waiting", jobId=job_id, prev="active")
            self._store.emit("stalled", jobId=job_id)

        try:
            await move(
                self._store,
                job_id,
                ticket.stored,
                record,
                waiting(lifo=True),  # to the head, whatever its priority, as in BullMQ
                stored,
                catch_up=True,  # it may have been updated while no worker was there
            )
        except Conflict:
            return
        self._on_stalled(job_id)

    async def _is_scheduled(self, ticket: Ticket) -> bool:
        """Whether it is a job of a scheduler that is still there: such a job may always stall."""
        key = ticket.stored.record.given.get("repeatJobKey")
        return key is not None and await schedules.read(self._store, key) is not None


__all__ = ["Repair"]
