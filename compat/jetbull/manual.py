"""Fetching by hand: `worker.getNextJob`, for workers without a processor."""

from __future__ import annotations

import asyncio

from jetbull.admission import Admission
from jetbull.commands import fetching, iterations
from jetbull.job import Job
from jetbull.ledger.arrival import Arrivals
from jetbull.ledger.lease import Lease
from jetbull.ledger.store import QueueStore
from jetbull.worker_roles import FetchOwner


class ManualFetch:
    """Claims one job at a time, in the queue's exact order."""

    def __init__(self, worker: FetchOwner) -> None:
        self._worker = worker
        self._admission: Admission | None = None
        self._seen_empty = False
        self._changed = asyncio.Event()

    async def next(self, token: str, block: bool = True) -> Job | None:
        """The next job, or None: at once, or after `drainDelay` when the queue was empty before.

        Pausing the worker ends that wait. One that is paused already gives a job all the same, as
        in BullMQ for Python, but not to who does not want to wait, as in BullMQ for Node.
        """
        paused_before = self._worker.paused
        if paused_before and not block:
            return None
        store = await self._worker.ledger()
        admission = await self._admit(store)
        lease = await self._try(store, admission, token)
        if lease is None and block and self._seen_empty:
            lease = await self._wait(store, admission, token, paused_before)
        self._seen_empty = lease is None
        if lease is None:
            return None
        job = await Job.load(self._worker, lease.job_id, lease.record)
        job.token = token
        job._lease = lease
        if job.repeatJobKey:
            await iterations.follow(self._worker, job)
        self._worker.emit_safely("active", job, "waiting")
        return job

    def look_again(self) -> None:
        """The worker was paused, or its queue's settings changed."""
        self._changed.set()

    async def close(self) -> None:
        """Stops listening for the queue's settings."""
        self._changed.set()
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
        await arrivals.open()
        try:
            while not self._worker.closing:
                self._changed.clear()
                if self._worker.paused and not paused_before:
                    return None
                lease = await self._try(store, admission, token)
                if lease is not None:
                    return lease
                if clock() >= until:
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
