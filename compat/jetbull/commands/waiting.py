"""Jobs that have not started: promote, change delay or priority; and waiting for the end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from jetbull.commands.delaying import delayed_job
from jetbull.error_code import refused
from jetbull.errors import (
    AckTimeout,
    Conflict,
    JetbullError,
    JobError,
    ServerUnavailable,
    StreamMissing,
)
from jetbull.event_emitter import Listener
from jetbull.job_body import JobBody
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job import late, reading
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.patches import rewrite
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import (
    DELAYED,
    HEAD,
    PRIO,
    WAIT,
    lane_of,
    public_state_of,
    state_of,
)
from jetbull.ledger.messages.placing import Place, delayed, in_front, promoted, turn
from jetbull.ledger.messages.placing import waiting as in_line
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.due_order import since
from jetbull.ledger.store.store import QueueStore
from jetbull.options import check_priority

log = logging.getLogger("jetbull.jobs")

_LOOK_SECONDS = 5.0
_HELD_MS = 10_000


class Ending(Protocol):
    """What tells how the jobs of a queue end, as `QueueEvents` does."""

    def on(self, event_name: str, function: Listener) -> Listener:
        """Adds a listener."""

    def off(self, event_name: str, function: Listener) -> None:
        """Removes a listener."""

    async def waitUntilReady(self) -> None:
        """Returns when no event from now on can be missed."""


async def promote(store: QueueStore, job_id: str) -> None:
    """Delayed -> waiting tail, or prioritized."""
    fires = repeated = False
    while True:
        try:
            found = await delayed_job(store, job_id, "promote")
        except JobError:
            if fires or repeated:
                return  # by itself, or by the message whose answer was lost
            raise
        # In a line of a priority both would have one subject, see `late`.
        fires = found.record.priority > 0 and late.is_firing(found.record)
        if fires:
            await asyncio.sleep(late.LOOK_SECONDS)
            continue
        try:
            await promote_stored(store, job_id, found, promoted(found.record.priority))
        except Conflict as rival:
            repeated = repeated or rival.repeated
        else:
            return


async def promote_stored(store: QueueStore, job_id: str, found: Stored, place: Place) -> None:
    """Moves a delayed job that was just read; `Conflict` when it changed meanwhile."""
    record = found.record.copy()
    record.head.pop("delay", None)
    await move(
        store,
        job_id,
        found,
        record,
        place,
        lambda _: store.emit("waiting", jobId=job_id, prev="delayed"),
    )


async def change_priority(store: QueueStore, job_id: str, priority: int, lifo: bool) -> None:
    """Re-queues a waiting or prioritized job, or sends a delayed one to another line when it is
    due; elsewhere only the field changes.

    ConfigurationError (a ValueError) for a priority that no new job may have.
    """
    check_priority(priority)
    priority = int(priority)  # of 2.0, which is one

    def beside(record: Record) -> None:
        record.head["priority"] = priority  # what lacks a field does not take it away

    while True:
        found = await reading.find(store, job_id)
        if found is None:
            raise refused(-1, "changePriority", job_id)
        state = state_of(found.subject)
        if state not in (WAIT, HEAD, PRIO, DELAYED):
            if await rewrite(store, job_id, beside):
                return
            continue
        if state == DELAYED and late.is_firing(found.record):
            await asyncio.sleep(late.LOOK_SECONDS)
            continue
        record = found.record.copy()
        record.head.pop("priority", None)
        if state == HEAD:  # a parent that was let go before its delay, which never was delayed
            record.head.pop("delay", None)
        if priority:
            record.head["priority"] = priority
        place = _requeued(found, record, priority, lifo)
        try:
            if state == PRIO and lane_of(found.subject) == place.lane:
                await _behind_itself(store, job_id, found, record, place)
            else:
                await move(store, job_id, found, record, place, catch_up=True)
        except Conflict:
            continue
        return


def _requeued(found: Stored, record: Record, priority: int, lifo: bool) -> Place:
    """Where the job goes by its new priority; of a delayed one the record is told its turn."""
    state, lane = state_of(found.subject), lane_of(found.subject)
    if state == DELAYED:
        # Its schedule names the line it goes to; among jobs due with it it keeps its place.
        record.head["since"] = since(record.head, found.seq)
        return delayed(int(record.head["due"]), priority, lane)
    place = in_front(priority) if lifo else in_line(priority)
    if state == place.state and state in (HEAD, WAIT):
        return place._replace(lane=turn(lane))
    return place


async def _behind_itself(
    store: QueueStore, job_id: str, found: Stored, record: Record, place: Place
) -> None:
    """Moves a job within its own line, by way of a delay that brings it back should this process
    die: a message that overwrote the ticket would go with the job, and a server that is killed
    would give the ticket back.
    """
    while_held = delayed(now_ms() + _HELD_MS, record.priority)
    held = await move(store, job_id, found, record, while_held, catch_up=True)
    while True:
        try:
            await move(store, job_id, held, held.record, place)
            return
        except Conflict:
            now = await reading.find(store, job_id)
            if now is None or state_of(now.subject) != DELAYED:
                return
            held, place = now, in_line(now.record.priority)  # it may have another one by now


async def until_finished(job: JobBody, queue_events: Ending, ttl: int | None) -> Any:
    """The outcome, whether it came before, while or after this call started listening."""
    finished: asyncio.Future[tuple[str, Any]] = asyncio.get_running_loop().create_future()

    def completed(args: dict[str, Any], _: str) -> None:
        if not finished.done():
            finished.set_result(("completed", args.get("returnvalue")))

    def failed(args: dict[str, Any], _: str) -> None:
        if not finished.done():
            finished.set_result(("failed", args.get("failedReason")))

    queue_events.on(f"completed:{job.id}", completed)
    queue_events.on(f"failed:{job.id}", failed)
    try:
        await queue_events.waitUntilReady()
        stored = await reading.find(await job.queue.ledger(), job.id)
        if stored is None:
            key = f"{job.queueQualifiedName}:{job.id}"
            raise JetbullError(f"Missing key for job {key}. isFinished")
        outcome = await _outcome(await job.queue.ledger(), job.id, stored)
        if outcome is None:
            try:
                async with asyncio.timeout(ttl / 1000 if ttl else None):
                    outcome = await _told(job, finished)
            except TimeoutError:
                raise JetbullError(
                    f"Job wait {job.name} timed out before finishing, no finish notification "
                    f"arrived after {ttl}ms (id={job.id})"
                ) from None
    finally:
        queue_events.off(f"completed:{job.id}", completed)
        queue_events.off(f"failed:{job.id}", failed)
    state, value = outcome
    if state == "failed":
        raise JetbullError(value)
    return value


async def _told(job: JobBody, finished: asyncio.Future[tuple[str, Any]]) -> tuple[str, Any]:
    """The outcome as its event tells it, or as it is stored.

    A worker that is killed between storing and telling leaves an outcome without its event, and a
    server may be away for longer than a question waits.
    """
    missing = False
    while True:
        done, _ = await asyncio.wait([finished], timeout=_LOOK_SECONDS)
        if done:
            return finished.result()
        try:
            store = await job.queue.ledger()
            stored = await reading.find(store, job.id)
            outcome = None if stored is None else await _outcome(store, job.id, stored)
        except (AckTimeout, ServerUnavailable, StreamMissing) as error:
            if isinstance(error, StreamMissing) and error.code:
                raise  # the server is there, and has lost the job
            log.debug("the end of job %s is not known yet: %s", job.id, error)
            continue
        if outcome is not None:
            return outcome
        if stored is None and missing:
            key = f"{job.queueQualifiedName}:{job.id}"
            raise JetbullError(f"Missing key for job {key}. isFinished")
        missing = stored is None


async def _outcome(store: QueueStore, job_id: str, stored: Stored) -> tuple[str, Any] | None:
    state = public_state_of(stored.subject)
    if state == "completed":
        whole = await blobs.inline(store, job_id, stored.record)
        return state, whole.head.get("returnvalue")
    if state == "failed":
        return state, stored.record.head.get("failedReason", "")
    return None


__all__ = ["change_priority", "promote", "promote_stored", "until_finished"]
