"""Fetching by hand: `worker.getNextJob`, for workers without a processor."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from jetbull.commands import fetching, holding
from jetbull.errors import ConnectionClosedError, JetbullError
from jetbull.job import Job
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.arrival import Arrivals
from jetbull.schedulers.following import follow
from jetbull.tasks import background
from jetbull.workers.admission import Admission
from jetbull.workers.roles import FetchOwner

_LEAVE_SECONDS = 2.0  # a closing worker waits so long until what nobody wants is given back

log = logging.getLogger("jetbull.worker")


class ManualFetch:
    """Claims one job at a time, in the queue's exact order."""

    def __init__(self, worker: FetchOwner) -> None:
        self._worker = worker
        self._admission: Admission | None = None
        self._seen_empty = False
        self._changed = asyncio.Event()
        self._given_up: set[asyncio.Task[Job | None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()

    async def next(self, token: str, block: bool = True, tell: bool = True) -> Job | None:
        """The next job, or None: at once, or after `drainDelay` when the queue was empty before.

        `tell` says whether its start is told as `active`.

        Pausing the worker ends that wait. One that is paused already gives a job all the same, as
        in BullMQ for Python, but not to who does not want to wait, as in BullMQ for Node.
        Who is cancelled meanwhile has no job: one that was taken already is given back.
        """
        fetch = background(self._next(token, block, tell, self._worker.paused))
        try:
            return await asyncio.shield(fetch)
        except asyncio.CancelledError:
            if not fetch.cancelling():  # or all tasks end, with their event loop
                self._given_up.add(fetch)
                self._changed.set()
                leaving = background(self._leave(fetch, token))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
            raise

    async def _leave(self, fetch: asyncio.Task[Job | None], token: str) -> None:
        """Gives back the job of somebody who was cancelled while it was taken."""
        try:
            job = await fetch
            if job is not None:
                await holding.wait(job, token)
        except JetbullError as error:
            log.warning("a job that nobody waits for may be active for a while: %s", error)
        finally:
            self._given_up.discard(fetch)

    async def _next(self, token: str, block: bool, tell: bool, paused_before: bool) -> Job | None:
        if paused_before and not block:
            return None
        if self._worker.closing:  # what claims jobs is closed with it
            raise ConnectionClosedError("Connection is closed")
        store = await self._worker.ledger()
        admission = await self._admit(store)
        lease = await self._try(store, admission, token)
        if lease is None and block and self._seen_empty:
            lease = await self._wait(store, admission, token, paused_before)
        self._seen_empty = lease is None
        if lease is None:
            return None
        job = await Job.load_taken(self._worker, lease.job_id, lease.record)
        job.token = token
        job._lease = lease
        if job.repeatJobKey:
            await follow(self._worker, job)
        if tell and not self._abandoned:
            self._worker.emit_safely("active", job, "waiting")
        return job

    @property
    def _abandoned(self) -> bool:
        return asyncio.current_task() in self._given_up

    def look_again(self) -> None:
        """The worker was paused, or its queue's settings changed."""
        self._changed.set()

    def limit(self, limiter: dict[str, Any] | None) -> None:
        """The worker has another limiter of its own from now on, or none."""
        if self._admission is not None:
            self._admission.limit(limiter)

    async def close(self) -> None:
        """Stops listening for the queue's settings."""
        self._changed.set()
        if self._leaving:
            _, late = await asyncio.wait(self._leaving, timeout=_LEAVE_SECONDS)
            for task in late:
                task.cancel()
        if self._admission is not None:
            await self._admission.close()
            self._admission = None

    async def _admit(self, store: QueueStore) -> Admission:
        if self._admission is None:
            limiter = self._worker.opts.get("limiter")
            self._admission = Admission(store, limiter, self._changed.set)
            await self._admission.open()
        return self._admission

    async def _try(self, store: QueueStore, admission: Admission, token: str) -> Lease | None:
        worker = self._worker
        if worker.closing:
            return None
        taken = await fetching.take_allowed(
            store, token, worker.lock_duration, worker.workerName, worker.opts.get("limiter")
        )
        if isinstance(taken, Lease):
            return taken
        if taken.limited_ms:
            admission.block(taken.limited_ms)
        return None

    async def _wait(
        self, store: QueueStore, admission: Admission, token: str, paused_before: bool
    ) -> Lease | None:
        """Looks again whenever something arrives, until `drainDelay` is over.

        Only the waiting ends then, never a claim that is under way: its job would have no holder.
        """
        arrivals = Arrivals(store, self._changed)
        clock = asyncio.get_running_loop().time
        until = clock() + self._worker.opts["drainDelay"]
        try:
            await arrivals.open()
            while not self._worker.closing:
                self._changed.clear()
                if self._abandoned or (self._worker.paused and not paused_before):
                    return None
                lease = await self._try(store, admission, token)
                if lease is not None:
                    return lease
                if clock() >= until or self._abandoned:
                    return None
                if not admission.blocked:
                    await arrivals.ask()
                if not await self._change(until):
                    return None
        finally:
            await arrivals.close()
        return None

    async def _change(self, until: float) -> bool:
        """Whether something changed before the loop's clock shows `until`."""
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True


__all__ = ["ManualFetch"]
