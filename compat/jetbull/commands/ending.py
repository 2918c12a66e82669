"""Ending a job's try by its holder's own hand, and having the next job with it."""

from __future__ import annotations

from typing import Any

from jetbull.commands import fetching, holding, missed_ends
from jetbull.commands.hashes import as_hash
from jetbull.error_code import refused
from jetbull.job_body import JobBody
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job import reading
from jetbull.ledger.job.lease import Lease
from jetbull.ledger.parents import bookkeeping
from jetbull.ledger.queue import pages
from jetbull.ledger.queue.idle import is_drained
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.taking.front import still_waits


async def complete(
    job: JobBody, value: Any, token: str, fetch_next: bool = False
) -> list[Any] | None:
    """Stores the return value and ends the lease."""
    job.returnvalue = value
    store = await job.queue.ledger()
    state, has_family = await store.wire.together(
        reading.state(store, job.id), _has_family(store, job)
    )
    if state == "unknown":
        raise refused(-1, "moveToFinished", job.id)
    if has_family:
        await _no_children_pending(store, job)
    await holding.finish(job, value, token)
    return await _after(job, token, fetch_next)


async def give_up(
    job: JobBody, error: BaseException | str, token: str, fetch_next: bool = False
) -> list[Any] | None:
    """As `holding.fail`; with `fetch_next` the next job, as `complete` has it."""
    end = await holding.fail(job, error, token)
    following = await _after(job, token, fetch_next and end != "retried", end == "failed")
    # After a try that is backed off, BullMQ answers with a job or not at all.
    return None if end != "failed" and following and following[0] is None else following


async def _after(
    job: JobBody, token: str, fetch_next: bool, ended: bool = True
) -> list[Any] | None:
    """What follows a try that was ended by hand: the next job if asked for, else `drained`.

    Whoever asked and was told to wait, for a delayed job or a limit, hears no `drained`.
    """
    store = await job.queue.ledger()
    nothing: list[Any] = [None] * 4
    following: list[Any] | None = nothing if ended else None
    if fetch_next:
        following = await _next(store, job, token)
    # Of a job that still runs, its worker will look.
    runs = job._lease is not None and job._lease.runs
    if ended and following == nothing and not runs:
        await tell_drained(store)
    return following


async def tell_drained(store: QueueStore) -> None:
    """`drained`, if nothing waits and nothing runs."""
    if not await still_waits(store) and await is_drained(store, lambda: False):
        store.emit("drained")


async def _next(store: QueueStore, job: JobBody, token: str) -> list[Any]:
    """`[data, id, ms until the rate window ends, due time of the next delayed job]`."""
    opts = job.queue.opts
    lock_ms = int(opts.get("lockDuration", holding.DEFAULT_LOCK_MS))
    taken = await fetching.take_allowed(store, token, lock_ms, None, opts.get("limiter"))
    if isinstance(taken, Lease):
        whole = await blobs.inline(taken.store, taken.job_id, taken.record)
        return [as_hash(whole), taken.job_id, 0, 0]
    if taken.blocked:
        return [None, 0, taken.limited_ms, 0]
    later = await pages.page(store, "delayed", 0, 0, True)
    return [None, 0, 0, int(later[0][1].record.head.get("due", 0))] if later else [None] * 4


async def _no_children_pending(store: QueueStore, job: JobBody) -> None:
    if await missed_ends.is_pending(store, job.id):
        raise refused(-4, "moveToFinished", job.id)
    if await bookkeeping.has_unsuccessful(store, job.id):
        raise refused(-9, "moveToFinished", job.id)


async def _has_family(store: QueueStore, job: JobBody) -> bool:
    """Whether the job ever had children."""
    books = {"last_by_subj": store.names.dependencies(job.id)}
    return await store.wire.get_one(store.names.space.jobs, books) is not None


__all__ = ["complete", "give_up", "tell_drained"]
