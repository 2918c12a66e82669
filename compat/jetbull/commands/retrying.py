"""Finished jobs run again."""

from __future__ import annotations

from typing import Any

from jetbull.error_code import refused
from jetbull.errors import ConfigurationError, Conflict
from jetbull.ledger.finishing import finishing
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.messages.names import public_state_of
from jetbull.ledger.messages.placing import Place, waiting
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.parents import parents
from jetbull.ledger.store.store import QueueStore

_FORGOTTEN = (
    "failedReason",
    "finishedOn",
    "processedOn",
    "returnvalue",
    "returnvalue@",
    "deferredFailure",
)


async def retry(store: QueueStore, job_id: str, state: str, opts: dict[str, Any]) -> None:
    """JobError -1 for an unknown job, -3 for one that is not in `state`.

    ConfigurationError (a ValueError) for a state that is no end: a job that runs, or waits, would
    run twice.
    """
    if state not in ("failed", "completed"):
        raise ConfigurationError(f"state is {state!r}: retry takes failed or completed.")
    tried: int | None = None  # by a message whose answer was lost
    while True:
        found = await reading.find(store, job_id)
        if tried is not None and (found is None or found.seq != tried):
            return  # that was stored, or another retry: the job has been away, and may be back
        if found is None:
            raise refused(-1, "reprocessJob", job_id)
        if public_state_of(found.subject) != state:
            raise refused(-3, "reprocessJob", job_id, state)
        ended = await finishing.at_rest(store, job_id, found)
        if ended is None:
            continue
        try:
            await _retry(store, job_id, ended, state, opts, _own_place(ended.record))
        except Conflict as rival:
            tried = ended.seq if rival.repeated else None
        else:
            return


async def retry_stored(
    store: QueueStore, job_id: str, found: Stored, state: str, place: Place
) -> None:
    """Moves a finished job that was just read; `Conflict` when it changed meanwhile."""
    ended = await finishing.at_rest(store, job_id, found)
    if ended is None:
        raise Conflict(f"Job {job_id} was settled by somebody else.")
    await _retry(store, job_id, ended, state, {}, place)


async def _retry(
    store: QueueStore, job_id: str, found: Stored, state: str, opts: dict[str, Any], place: Place
) -> None:
    record = _afresh(found.record, state, opts)
    waits = await parents.wait_again(store, record, job_id)
    try:
        await move(
            store,
            job_id,
            found,
            record,
            place,
            lambda _: store.emit("waiting", jobId=job_id, prev=state),
            catch_up=True,
        )
    except Conflict:
        if waits is not None and waits.is_new:
            # Another retry was quicker, and the child may have ended since; or it was removed.
            await parents.tell_again(store, job_id, waits.parent)
        raise
    if waits is not None:
        await parents.forget_value(waits)


def _own_place(record: Record) -> Place:
    """Where its priority and `lifo` say."""
    return waiting(record.priority, bool(record.opts.get("lifo")))


def _afresh(old: Record, state: str, opts: dict[str, Any]) -> Record:
    head = {k: v for k, v in old.head.items() if k not in _FORGOTTEN}
    if state == "completed" and "failedReason" in old.head:
        head["failedReason"] = old.head["failedReason"]  # of an earlier try, as in BullMQ
    if opts.get("resetAttemptsMade"):
        head.pop("attemptsMade", None)
    if opts.get("resetAttemptsStarted"):
        head.pop("attemptsStarted", None)
    return old.with_head(head)


__all__ = ["retry", "retry_stored"]
