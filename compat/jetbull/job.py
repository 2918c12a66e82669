"""A job as callers see it: BullMQ's attributes and methods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

from jetbull import checks, job_hash, job_record
from jetbull.commands import (
    adding,
    changing,
    deduplicating,
    delaying,
    ending,
    holding,
    logs,
    removing,
    retrying,
    waiting,
)
from jetbull.errors import ConfigurationError, JetbullError, StoreError
from jetbull.job_family import JobFamily
from jetbull.job_hash import getReturnValue, optsFromJSON
from jetbull.job_home import JobHome
from jetbull.job_states import JobStates
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job import reading
from jetbull.ledger.messages.record import Record
from jetbull.options import OPTS_DECODE, OPTS_ENCODE, check_id, check_number, expand, whole
from jetbull.queue_events import QueueEvents
from jetbull.types.generics import Data, Result
from jetbull.types.job_options import JobOptions

optsDecodeMap = OPTS_DECODE  # as in bullmq.job
optsEncodeMap = OPTS_ENCODE

_STALLED_OFTEN = 3
_LARGE_AT_ONCE = 16  # jobs whose data are fetched, a part of up to a message's size each


class JobOwner(JobHome, Protocol):
    """What a job needs of its queue or worker."""

    def on_progress(self, job: Job, progress: Any) -> None:
        """Called when a job of the owner has reported its progress."""

    def on_removed(self, job: Job) -> None:
        """Called when a job of the owner has removed itself."""


class Job(JobFamily[Data, Result, JobOwner], JobStates[Data, Result, JobOwner]):
    """One job, as a queue returns it and as a processor gets it."""

    # --- making ------------------------------------------------------------------------

    @staticmethod
    async def create(
        queue: JobOwner, name: str, data: Any, opts: JobOptions | Mapping[str, Any] | None = None
    ) -> Job:
        """Stores a job with these options alone, without the queue's defaults (as in Node)."""
        check_id(checks.mapping("opts", opts))
        job = Job(queue, name, data, opts)
        job.id = await adding.add(await queue.ledger(), job)
        return job

    @staticmethod
    async def createBulk(queue: JobOwner, jobs: Iterable[Mapping[str, Any]]) -> list[Job]:
        """As `create`, for several `{name, data, opts}`."""
        entries = checks.mappings("jobs", jobs)
        for entry in entries:
            check_id(checks.mapping("opts", entry.get("opts")))
        made = [Job(queue, cast(str, e.get("name")), e.get("data"), e.get("opts")) for e in entries]
        ids = await adding.add_bulk(await queue.ledger(), made)
        for job, job_id in zip(made, ids, strict=True):
            job.id = job_id
        return made

    @staticmethod
    def from_record(queue: JobOwner, job_id: str, record: Record) -> Job:
        """The job a ledger record describes; one that fails if no such program wrote it."""
        try:
            return Job._of_record(queue, job_id, record)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            record.spoil(record.encode(), error)
            return Job._of_record(queue, job_id, record)

    @staticmethod
    def _of_record(queue: JobOwner, job_id: str, record: Record) -> Job:
        given = record.given
        job = Job(queue, given["name"], record.value(), given.get("opts"), job_id, stored=True)
        job_record.fill(job, job_id, record)
        return job

    @staticmethod
    async def load(queue: JobOwner, job_id: str, record: Record) -> Job:
        """As `from_record`, fetching data that is too large for a message."""
        if not blobs.is_whole(record):
            record = await blobs.inline(await queue.ledger(), job_id, record)
        return Job.from_record(queue, job_id, record)

    @staticmethod
    async def load_taken(queue: JobOwner, job_id: str, record: Record) -> Job:
        """As `load`, for who runs the job. One that is to fail does so though its data is missing,
        and so does a scheduler's, which may stall as often as it likes: it would do so for ever.
        """
        head = record.head
        try:
            return await Job.load(queue, job_id, record)
        except StoreError as missing:
            if not head.get("deferredFailure"):
                if head.get("stalledCounter", 0) < _STALLED_OFTEN:
                    raise
                head = {**head, "deferredFailure": str(missing)}
        return Job.from_record(queue, job_id, Record(head, record.fixed, b"null"))

    @staticmethod
    async def load_many(queue: JobOwner, records: Mapping[str, Record]) -> list[Job]:
        """As `load`, for many; what is large is fetched for several at once. Without those that
        went meanwhile.
        """
        rows = list(records.items())
        if all(map(blobs.is_whole, records.values())):
            return [Job.from_record(queue, *row) for row in rows]
        jobs: list[Job] = []
        for at in range(0, len(rows), _LARGE_AT_ONCE):
            some = rows[at : at + _LARGE_AT_ONCE]
            found = await asyncio.gather(*(Job._listed(queue, *row) for row in some))
            jobs += [job for job in found if job is not None]
        return jobs

    @staticmethod
    async def _listed(queue: JobOwner, job_id: str, record: Record) -> Job | None:
        try:
            return await Job.load(queue, job_id, record)
        except StoreError:
            return await Job.fromId(queue, job_id)

    @staticmethod
    async def fromId(queue: JobOwner, jobId: str) -> Job | None:
        """The stored job, or None."""
        store, job_id = await queue.ledger(), str(jobId)
        while (found := await reading.find(store, job_id)) is not None:
            try:
                return await Job.load(queue, job_id, found.record)
            except StoreError:  # what is large goes with the job: it may have gone meanwhile
                newest = await store.newest(job_id)
                if newest is not None and newest.seq == found.seq:
                    raise
        return None

    @staticmethod
    def fromJSON(queue: JobOwner, rawData: Mapping[str, Any], jobId: str | None = None) -> Job:
        """A job from the hash BullMQ keeps in Redis (strings, short option keys)."""
        rawData = checks.dictionary("The hash of a job", rawData)
        opts = expand(json.loads(rawData.get("opts") or "{}"))
        data = json.loads(rawData.get("data") or "{}")
        job = Job(queue, str(rawData.get("name")), data, opts, stored=True)
        job_hash.fill(job, rawData, jobId)
        return job

    # --- changing ----------------------------------------------------------------------

    async def updateData(self, data: Data) -> None:
        """Replaces the data; JobError -1 if the job is gone."""
        self.data = data
        await changing.update_data(await self.queue.ledger(), self.id, data, self._lease)

    async def updateProgress(self, progress: Any) -> None:
        """Stores the progress and writes the event `progress`; JobError -1 if the job is gone."""
        self.progress = progress
        await changing.update_progress(await self.queue.ledger(), self.id, progress, self._lease)
        self.queue.on_progress(self, progress)

    async def log(self, logRow: str) -> int:
        """Appends a row; returns how many rows are kept (at most `keepLogs`)."""
        store, keep = await self.queue.ledger(), whole(self.opts.get("keepLogs"))
        held = self._lease is not None and not self._lease.ended
        return await logs.append(store, self.id, logRow, keep, held)

    @staticmethod
    async def addJobLog(queue: JobOwner, jobId: str, logRow: str, keepLogs: int = 0) -> int:
        """Appends a row to any job's log."""
        keep = checks.number("keepLogs", keepLogs or 0)
        return await logs.append(await queue.ledger(), jobId, logRow, keep)

    async def clearLogs(self, keepLogs: int = 0) -> None:
        """Removes the log but its last `keepLogs` rows."""
        keep = checks.number("keepLogs", keepLogs or 0)
        await logs.clear(await self.queue.ledger(), self.id, keep)

    async def promote(self) -> None:
        """Lets a delayed job wait now; JobError -3 in any other state."""
        await waiting.promote(await self.queue.ledger(), self.id)
        self.delay = 0

    async def changeDelay(self, delay: int) -> None:
        """Makes a delayed job due in `delay` ms from now; JobError -3 in any other state."""
        delay = checks.numeral(delay)
        check_number("delay", delay)
        await delaying.change_delay(await self.queue.ledger(), self.id, delay)
        self.delay = delay

    async def changePriority(self, opts: Mapping[str, Any]) -> None:
        """`{priority, lifo}`: queues a waiting job anew; in other states only stores the field."""
        opts = checks.dictionary("changePriority's argument", opts)
        priority = checks.numeral(opts.get("priority", 0) or 0)
        store = await self.queue.ledger()
        await waiting.change_priority(store, self.id, priority, bool(opts.get("lifo", False)))
        self.priority = priority

    async def retry(self, state: str = "failed", opts: Mapping[str, Any] | None = None) -> None:
        """Lets a finished job wait again.

        The options `resetAttemptsMade` and `resetAttemptsStarted` set these counts to 0.
        """
        given = dict(checks.mapping("opts", opts))
        await retrying.retry(await self.queue.ledger(), self.id, state, given)
        self.failedReason = None
        self.finishedOn = None
        self.processedOn = None
        self.returnvalue = None
        if given.get("resetAttemptsMade"):
            self.attemptsMade = 0
        if given.get("resetAttemptsStarted"):
            self.attemptsStarted = 0

    async def remove(self, opts: Mapping[str, Any] | None = None) -> None:
        """Removes the job, and its children unless `{removeChildren: False}`.

        JetbullError if a worker holds it or one of its children. The pending job of a scheduler
        stays, as in BullMQ: `removeJobScheduler` removes both.
        """
        with_children = checks.mapping("opts", opts).get("removeChildren", True)
        code = await removing.remove(await self.queue.ledger(), self.id, with_children)
        if code == 0:
            raise JetbullError(
                f"Job {self.id} could not be removed because it is locked by another worker"
            )
        if code == 1:
            self.queue.on_removed(self)

    def discard(self) -> None:
        """Makes the current try the last one."""
        self.discarded = True

    # --- as the holder of the lock -----------------------------------------------------

    async def moveToCompleted(
        self, return_value: Result, token: str, fetchNext: bool = False
    ) -> list[Any] | None:
        """Completes the job.

        With `fetchNext` the next job is claimed and returned as `[data, id, limit, delay]`.
        """
        return await ending.complete(self, return_value, token, fetchNext)

    async def moveToFailed(
        self, err: BaseException | str, token: str, fetchNext: bool = False
    ) -> list[Any] | None:
        """Ends this try: the job is tried again now or later, or has failed for good.

        `fetchNext` as for `moveToCompleted`.
        """
        return await ending.give_up(self, err, token, fetchNext)

    async def moveToDelayed(self, timestamp: int, token: str | None = None) -> None:
        """Delays the active job until `timestamp` (ms); raise DelayedError afterwards."""
        await holding.delay(self, checks.number("timestamp", timestamp), token)

    async def moveToWait(self, token: str | None = None) -> None:
        """Puts the active job back to the head of the line; raise WaitingError afterwards."""
        await holding.wait(self, token)

    async def moveToWaitingChildren(
        self, token: str, opts: Mapping[str, Any] | None = None
    ) -> bool:
        """Lets the active job wait for its children: raise WaitingChildrenError afterwards.

        False, and nothing is changed, when no child is pending.
        """
        given = dict(checks.mapping("opts", opts))
        return await holding.wait_for_children(self, token, given)

    async def extendLock(self, token: str, duration: int) -> int:
        """Extends the lock to `duration` ms from now: 1, or 0 if the token does not hold it."""
        return await holding.extend(self, token, checks.number("duration", duration))

    # --- what else ---------------------------------------------------------------------

    async def removeDeduplicationKey(self) -> bool:
        """Frees the job's deduplication id; False if it has none or does not own it."""
        if not self.deduplication_id:
            return False
        store, dedup_id = await self.queue.ledger(), str(self.deduplication_id)
        return bool(await deduplicating.free_by_hand(store, dedup_id, self.id))

    async def waitUntilFinished(self, queueEvents: QueueEvents, ttl: int | None = None) -> Result:
        """Waits for the job's end and returns its return value.

        JetbullError with the failed reason if it failed, or after `ttl` ms.
        """
        if not hasattr(queueEvents, "waitUntilReady"):
            shown = checks.shown(queueEvents)
            raise ConfigurationError(f"waitUntilFinished needs a QueueEvents, not {shown}.")
        if ttl is not None:
            ttl = checks.number("ttl", ttl)
        finished: Result = await waiting.until_finished(self, queueEvents, ttl)
        return finished


__all__ = [
    "Job",
    "JobOwner",
    "getReturnValue",
    "optsDecodeMap",
    "optsEncodeMap",
    "optsFromJSON",
]
