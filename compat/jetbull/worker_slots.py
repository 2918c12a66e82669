"""A worker's slots: each takes a job, runs it, stores its outcome, and takes the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from jetbull.admission import Admission
from jetbull.errors import AckTimeout, Conflict, ConnectionClosedError, JetbullError, StoreError
from jetbull.job import Job
from jetbull.ledger.lease import Lease, Ticket, take
from jetbull.ledger.names import last_token
from jetbull.ledger.source import MAX_AHEAD, Source
from jetbull.ledger.store import QueueStore

if TYPE_CHECKING:
    from jetbull.worker import Worker

log = logging.getLogger("jetbull.worker")

_AHEAD_SECONDS = 0.05  # how much work may be held in hand


class Slots:
    """The running half of a worker."""

    def __init__(
        self,
        worker: Worker,
        store: QueueStore,
        admission: Admission,
        process: Callable[[Job, Lease], Awaitable[None]],
    ) -> None:
        self._worker = worker
        self._store = store
        self._admission = admission
        self._process = process
        self.source = Source(store, self._may_fetch)
        self._tasks: set[asyncio.Task[None]] = set()
        self._token = 0
        self._mean = 1.0
        self.busy = 0
        self.stopping = False
        self._worked = False
        self._all_idle = asyncio.Event()
        self._all_idle.set()

    # --- life --------------------------------------------------------------------------

    def grow(self, count: int) -> None:
        """Makes sure `count` slots exist."""
        loop = asyncio.get_running_loop()
        while len(self._tasks) < count:
            task = loop.create_task(self._run(len(self._tasks)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Returns when no slot runs a job."""
        await self._all_idle.wait()

    async def stop(self) -> None:
        """No new jobs; returns when the running ones are done."""
        self.stopping = True
        self.source.rouse()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def kill(self) -> None:
        """Cancels the running jobs; they stay active until their locks expire."""
        self.stopping = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _may_fetch(self) -> bool:
        return not (self.stopping or self._worker.paused or self._admission.blocked)

    # --- one slot ----------------------------------------------------------------------

    async def _run(self, number: int) -> None:
        while not self.stopping:
            if number >= self._worker.concurrency:
                return
            try:
                lease = await self._next()
            except ConnectionClosedError:
                return
            except (AckTimeout, StoreError) as error:
                log.debug("could not take a job: %s", error)
                await self._store.wire.connected()
                await asyncio.sleep(0.1)
                continue
            if lease is None:
                continue
            try:
                await self._work(lease)
            finally:
                self.busy -= 1
                if self.busy == 0:
                    self._all_idle.set()

    async def _work(self, lease: Lease) -> None:
        begun = monotonic()
        self._worked = True
        try:
            job = await Job.load(self._worker, lease.job_id, lease.record)
            job._lease = lease
            job.token = lease.token
            await self._process(job, lease)
        except JetbullError as error:
            self._worker.emit("error", error)
        self._mean += (monotonic() - begun - self._mean) * 0.1
        concurrency = max(1, self._worker.concurrency)
        ahead = int(_AHEAD_SECONDS / max(self._mean, 1e-4) * concurrency)
        self.source.ahead = 0 if self._admission.limited else min(ahead, MAX_AHEAD)
        await self._admission.finished()

    async def _next(self) -> Lease | None:
        """The next job, claimed; None when there may be none for now (after waiting)."""
        source = self.source
        if not self._may_fetch():
            await self._pause()
            return None
        if self._admission.limited:
            return await self._next_limited()
        if source.may_have_head:
            async with source.head_lock:
                if source.may_have_head and self._may_fetch():
                    ticket = await source.head()
                    if ticket is not None:
                        return await self._claim(ticket)
        ticket = source.pop()
        if ticket is None:
            await self._rest()
            return None
        return await self._claim(ticket)

    async def _rest(self) -> None:
        if self._worked and self.busy == 0:
            self._worked = False
            self._worker.on_idle()
        if not self.source.may_have_head:
            await self._pause()

    async def _pause(self) -> None:
        """Waits to be roused; who was to be roused for the end while on its way here does not."""
        if not self.stopping:
            await self.source.pause()

    async def _next_limited(self) -> Lease | None:
        source = self.source
        if not await self._admission.may_start():
            await self._pause()
            return None
        async with source.head_lock:
            if not self._may_fetch():
                return None
            ticket = await source.head() if source.may_have_head else None
            ticket = ticket or source.pop()
            if ticket is not None:
                lease = await self._claim_limited(ticket)
                if lease is not None:
                    return lease
        await self._rest()
        return None

    async def _claim_limited(self, ticket: Ticket) -> Lease | None:
        while True:
            along = None
            if self._admission.concurrency is not None:
                along = await self._admission.slot()
                if along is None:
                    await self.source.put_back(ticket)
                    self._admission.block(1000)
                    return None
            if not await self._admission.count_start():
                await self.source.put_back(ticket)
                return None
            try:
                return await self._claim(ticket, along)
            except Conflict:
                continue

    async def _claim(self, ticket: Ticket, along: Any = None) -> Lease | None:
        job_id = last_token(ticket.stored.subject)
        self._token += 1
        store = self._store
        self.busy += 1
        self._all_idle.clear()
        lease: Lease | None = None
        try:
            lease = await take(
                store,
                job_id,
                ticket,
                f"{self._worker.id}:{self._token}",
                self._worker.lock_duration,
                self._worker.workerName,
                lambda _: store.emit("active", jobId=job_id, prev="waiting"),
                along,
            )
        finally:
            if lease is None:
                self.busy -= 1
                if self.busy == 0:
                    self._all_idle.set()
        return lease
