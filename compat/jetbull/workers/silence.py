"""A worker that closes beside a server that says nothing."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from jetbull.ledger.store.batch import is_awake
from jetbull.ledger.store.store import QueueStore
from jetbull.workers.outcomes import NotStoredError
from jetbull.workers.roles import ServingOwner

log = logging.getLogger("jetbull.worker")

_SILENT_SECONDS = 10.0  # no longer, for what the last jobs came to
_LOOK_SECONDS = 1.0


async def silence(worker: ServingOwner, store: QueueStore) -> None:
    """Returns when nothing runs any more and the server has said nothing for a while: what the
    last jobs came to cannot be told, and their locks will end.
    """
    jobs, subject = worker.jobs, store.names.aux("probe", "closing")
    heard = monotonic()
    while (silent := monotonic() - heard) < _SILENT_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS)
        running = any(job._lease is not None and job._lease.runs for job, _ in jobs)
        if running or await is_awake(store.wire, subject):
            heard = monotonic()
        elif silent < _LOOK_SECONDS:
            log.warning("%s closes, and the server does not answer", worker.name)
    for job, _ in jobs:
        if job._lease is not None and not job._lease.ended:
            error = NotStoredError(
                f"The worker closes and cannot tell whether the outcome of job {job.id} is "
                "stored: the server does not answer. If not, the job runs again when its lock "
                "is over."
            )
            worker.complain(error, job)


async def unless_silent(done: asyncio.Event, worker: ServingOwner, store: QueueStore) -> None:
    """Returns when `done` is set, or after `silence`."""
    ends = [asyncio.ensure_future(done.wait()), asyncio.ensure_future(silence(worker, store))]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


__all__ = ["silence", "unless_silent"]
