"""A job as callers see it: BullMQ's attributes and methods."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol

from jetbull.commands import adding, changing, children, holding, logs, removal, retrying, waiting
from jetbull.errors import JetbullError
from jetbull.ledger import blobs, parentage, reading
from jetbull.ledger.lease import Lease
from jetbull.ledger.metrics import MetricsRecorder
from jetbull.ledger.record import Record
from jetbull.ledger.store import QueueStore
from jetbull.options import OPTS_DECODE, OPTS_ENCODE, PARENT_POLICIES, checked, expand
from jetbull.types.generics import Data, Result
from jetbull.types.job_options import JobOptions
from jetbull.types.results import Dependencies, DependencyCounts

if TYPE_CHECKING:
    from jetbull.backend import Backend
    from jetbull.queue_events import QueueEvents

optsDecodeMap = OPTS_DECODE
optsEncodeMap = OPTS_ENCODE


_FROM_OPTIONS = frozenset({"delay", "priority", "attempts", "removeOnComplete", "removeOnFail"})
_CHANGING = frozenset(
    {
        "progress",
        "attemptsMade",
        "attemptsStarted",
        "stalledCounter",
        "processedOn",
        "finishedOn",
        "failedReason",
        "returnvalue",
        "stacktrace",
        "deferredFailure",
        "processedBy",
    }
)
"""What a record says of a job besides what was given, under the same names."""


class JobOwner(Protocol):
    """What a job needs of its queue or worker."""

    name: str
    prefix: str
    qualifiedName: str
    opts: dict[str, Any]
    backend: Backend
    recorder: MetricsRecorder | None = None

    async def ledger(self) -> QueueStore:
        """The queue's ledger."""

    def on_progress(self, job: Job, progress: Any) -> None:
        """Called when a job of the owner told its progress."""

    def on_removed(self, job: Job) -> None:
        """Called when a job of the owner removed itself."""


class Job(Generic[Data, Result]):
    """One job; also what a processor gets as first argument."""

    # What every job begins with. Of thousands, each holds only what it does not share.
    delay: int = 0
    priority: int = 0
    attempts: int = 1
    removeOnComplete: Any = True
    removeOnFail: Any = False
    discarded: bool = False
    progress: Any = 0
    attemptsMade: int = 0
    attemptsStarted: int = 0
    stalledCounter: int = 0
    processedOn: int | None = 0
    finishedOn: int | None = 0
    returnvalue: Result | None = None
    failedReason: str | None = None
    deferredFailure: str | None = None
    processedBy: str | None = None
    repeatJobKey: str | None = None
    token: str | None = None
    parentKey: str | None = None
    parent: dict[str, Any] | None = None
    deduplication_id: str | None = None
    _lease: Lease | None = None

    def __init__(
        self,
        queue: JobOwner,
        name: str,
        data: Data,
        opts: JobOptions | Mapping[str, Any] | None = None,
        job_id: str | None = None,
    ) -> None:
        given: dict[str, Any] = dict(opts or {})
        checked(given)
        self.queue = queue
        self.name = name
        self.data: Data = data
        self.id: Any = given.get("jobId") or job_id
        self.timestamp: int = given.get("timestamp", round(time.time() * 1000))
        self.opts: dict[str, Any] = {"attempts": 0, "delay": 0, "backoff": None, **given}
        for option in _FROM_OPTIONS.intersection(given):
            setattr(self, option, given[option])
        self.stacktrace: list[str] = []
        self.queueQualifiedName = queue.qualifiedName
        self.backend = queue.backend
        parent = given.get("parent")
        if parent:
            self.parentKey = f"{parent.get('queue')}:{parent.get('id')}"
            self.parent = {"id": parent.get("id"), "queueKey": parent.get("queue")}
            self.parent.update(_policies(given))
        deduplication = given.get("deduplication")
        if isinstance(deduplication, dict):
            self.deduplication_id = deduplication.get("id")

    # --- making ------------------------------------------------------------------------

    @staticmethod
    async def create(
        queue: JobOwner, name: str, data: Any, opts: JobOptions | Mapping[str, Any] | None = None
    ) -> Job:
        """Stores a job with these options alone, not the queue's default ones (as in Node)."""
        job = Job(queue, name, data, opts)
        job.id = await adding.add(await queue.ledger(), job)
        return job

    @staticmethod
    async def createBulk(queue: JobOwner, jobs: Iterable[Mapping[str, Any]]) -> list[Job]:
        """As `create`, for several `{name, data, opts}`."""
        made = [Job(queue, job["name"], job.get("data"), job.get("opts")) for job in jobs]
        ids = await adding.add_bulk(await queue.ledger(), made)
        for job, job_id in zip(made, ids, strict=True):
            job.id = job_id
        return made

    @staticmethod
    def from_record(queue: JobOwner, job_id: str, record: Record) -> Job:
        """The job a ledger record describes."""
        given, head = record.given, record.head
        opts = given.get("opts")
        job = Job(queue, given["name"], record.value(), opts, job_id)
        job.id = job_id
        job.timestamp = given["timestamp"]
        job.attempts = job.opts["attempts"] or 0  # when not given: only fresh jobs say 1
        if head:
            job._apply(head)
        job.delay = head.get("delay", 0)
        job.priority = head.get("priority", 0)
        if "parentKey" in given:
            job.parentKey = given["parentKey"]
            link = given.get("parent") or {}
            job.parent = {"id": link.get("id"), "queueKey": link.get("queueKey")}
            job.parent.update(_policies(parentage.policy_of(given)))
            if head.get("orphaned"):
                job.parentKey, job.parent = None, None
        job.repeatJobKey = given.get("repeatJobKey")
        job.deduplication_id = given.get("deduplicationId", job.deduplication_id)
        return job

    def _apply(self, head: Mapping[str, Any]) -> None:
        for name in _CHANGING.intersection(head):
            setattr(self, name, head[name])
        if not self.failedReason:
            self.failedReason = None
        if self.stacktrace:
            self.stacktrace = list(self.stacktrace)

    @staticmethod
    async def load(queue: JobOwner, job_id: str, record: Record) -> Job:
        """As `from_record`, fetching data that is too large for a message."""
        if not blobs.is_whole(record):
            record = await blobs.inline(await queue.ledger(), job_id, record)
        return Job.from_record(queue, job_id, record)

    @staticmethod
    async def fromId(queue: JobOwner, jobId: str) -> Job | None:
        """The stored job, or None."""
        found = await reading.find(await queue.ledger(), str(jobId))
        return None if found is None else await Job.load(queue, str(jobId), found.record)

    @staticmethod
    def fromJSON(queue: JobOwner, rawData: Mapping[str, Any], jobId: str | None = None) -> Job:
        """A job from the hash BullMQ keeps in Redis (strings, short option keys)."""
        opts = expand(json.loads(rawData.get("opts") or "{}"))
        data = json.loads(rawData.get("data") or "{}")
        job = Job(queue, str(rawData.get("name")), data, opts)
        raw_id = jobId or rawData.get("id")
        job.id = raw_id.decode() if isinstance(raw_id, bytes) else raw_id
        job.progress = json.loads(rawData.get("progress") or "0")
        job.delay = int(rawData.get("delay") or 0)
        job.priority = int(rawData.get("priority") or 0)
        job.timestamp = int(rawData.get("timestamp") or 0)
        job.attemptsMade = int(rawData.get("attemptsMade") or rawData.get("atm") or 0)
        job.attemptsStarted = int(rawData.get("ats") or 0)
        job.stalledCounter = int(rawData.get("stc") or 0)
        job.stacktrace = json.loads(rawData.get("stacktrace") or "[]")
        for name, key in (("finishedOn", "finishedOn"), ("processedOn", "processedOn")):
            if rawData.get(key):
                setattr(job, name, int(rawData[key]))
        job.repeatJobKey = rawData.get("rjk") or None
        job.deduplication_id = rawData.get("deid") or job.deduplication_id
        job.failedReason = rawData.get("failedReason") or None
        job.deferredFailure = rawData.get("defa") or None
        job.processedBy = rawData.get("pb") or None
        if isinstance(rawData.get("returnvalue"), str):
            job.returnvalue = getReturnValue(rawData["returnvalue"])
        if rawData.get("parentKey"):
            job.parentKey = rawData["parentKey"]
        if rawData.get("parent"):
            job.parent = json.loads(rawData["parent"])
        return job

    # --- reading -----------------------------------------------------------------------

    @property
    def deduplicationId(self) -> str | None:
        """Node's spelling of `deduplication_id`."""
        return self.deduplication_id

    @property
    def queueName(self) -> str:
        return self.queue.name

    @property
    def prefix(self) -> str:
        return self.queue.prefix

    async def getState(self) -> str:
        """`waiting`, `active`, … or `unknown`."""
        return await reading.state(await self.queue.ledger(), self.id)

    async def isCompleted(self) -> bool:
        return await self.getState() == "completed"

    async def isFailed(self) -> bool:
        return await self.getState() == "failed"

    async def isDelayed(self) -> bool:
        return await self.getState() == "delayed"

    async def isActive(self) -> bool:
        return await self.getState() == "active"

    async def isWaiting(self) -> bool:
        return await self.getState() == "waiting"

    async def isWaitingChildren(self) -> bool:
        return await self.getState() == "waiting-children"

    async def isPrioritized(self) -> bool:
        return await self.getState() == "prioritized"

    async def isInZSet(self, set: str) -> bool:
        """Whether the job is in the state BullMQ keeps under this name."""
        return await self.getState() == set

    async def isInList(self, list_name: str) -> bool:
        """Whether the job is in the state BullMQ keeps under this name: `wait`, `active`."""
        return await self.getState() == ("waiting" if list_name == "wait" else list_name)

    def asJSON(self) -> dict[str, Any]:
        """The job as a plain dictionary, outcome included (BullMQ for Node: Job.asJSON)."""
        return {
            "id": self.id,
            "name": self.name,
            "data": self.data,
            "opts": self.opts,
            "progress": self.progress,
            "attemptsMade": self.attemptsMade,
            "attemptsStarted": self.attemptsStarted,
            "stalledCounter": self.stalledCounter,
            "timestamp": self.timestamp,
            "delay": self.delay,
            "priority": self.priority,
            "processedOn": self.processedOn,
            "finishedOn": self.finishedOn,
            "failedReason": self.failedReason,
            "stacktrace": self.stacktrace,
            "returnvalue": self.returnvalue,
            "parent": self.parent,
            "parentKey": self.parentKey,
            "repeatJobKey": self.repeatJobKey,
            "deduplicationId": self.deduplication_id,
            "deferredFailure": self.deferredFailure,
            "processedBy": self.processedBy,
        }

    toJSON = asJSON

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
        """Appends a row; the number of rows kept (`keepLogs`)."""
        return await Job.addJobLog(self.queue, self.id, logRow, self.opts.get("keepLogs") or 0)

    @staticmethod
    async def addJobLog(queue: JobOwner, jobId: str, logRow: str, keepLogs: int = 0) -> int:
        """Appends a row to any job's log."""
        return await logs.append(await queue.ledger(), jobId, logRow, keepLogs)

    async def clearLogs(self, keepLogs: int = 0) -> None:
        """Removes the log but its last `keepLogs` rows."""
        await logs.clear(await self.queue.ledger(), self.id, keepLogs)

    async def promote(self) -> None:
        """Delayed -> waiting, now; JobError -3 in any other state."""
        await waiting.promote(await self.queue.ledger(), self.id)
        self.delay = 0

    async def changeDelay(self, delay: int) -> None:
        """Due in `delay` ms from now; only for delayed jobs (JobError -3)."""
        await waiting.change_delay(await self.queue.ledger(), self.id, delay)
        self.delay = delay

    async def changePriority(self, opts: Mapping[str, Any]) -> None:
        """`{priority, lifo}`: re-queues a waiting job, otherwise only stores the field."""
        priority = opts.get("priority", 0) or 0
        store = await self.queue.ledger()
        await waiting.change_priority(store, self.id, priority, bool(opts.get("lifo", False)))
        self.priority = priority

    async def retry(self, state: str = "failed", opts: Mapping[str, Any] | None = None) -> None:
        """Finished -> waiting. `resetAttemptsMade` and `resetAttemptsStarted` start afresh."""
        given = dict(opts or {})
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
        """Removes the job, and its children unless `{removeChildren: False}`."""
        with_children = (opts or {}).get("removeChildren", True)
        removed = await removal.remove(await self.queue.ledger(), self.id, with_children)
        if not removed:
            raise JetbullError(
                f"Job {self.id} could not be removed because it is locked by another worker"
            )
        self.queue.on_removed(self)

    def discard(self) -> None:
        """No further tries after this one."""
        self.discarded = True

    # --- as the holder of the lock -----------------------------------------------------

    async def moveToCompleted(
        self, return_value: Result, token: str, fetchNext: bool = False
    ) -> list[Any] | None:
        """Finishes the job; with `fetchNext` the next job as [data, id, limit, delay], or None."""
        return await holding.complete(self, return_value, token, fetchNext)

    async def moveToFailed(
        self, err: BaseException | str, token: str, fetchNext: bool = False
    ) -> list[Any] | None:
        """Ends this try: again, again later, or failed for good; `fetchNext` as above."""
        return await holding.give_up(self, err, token, fetchNext)

    async def moveToDelayed(self, timestamp: int, token: str | None = None) -> None:
        """Active -> delayed until `timestamp` (ms); raise DelayedError afterwards."""
        await holding.delay(self, timestamp, token)

    async def moveToWait(self, token: str | None = None) -> None:
        """Active -> head of waiting; raise WaitingError afterwards."""
        await holding.wait(self, token)

    async def moveToWaitingChildren(
        self, token: str, opts: Mapping[str, Any] | None = None
    ) -> bool:
        """True: moved, raise WaitingChildrenError; False: no child is pending."""
        return await holding.wait_for_children(self, token, dict(opts or {}))

    async def extendLock(self, token: str, duration: int) -> int:
        """Keeps the lock for `duration` ms more: 1, or 0 when it is not ours."""
        return await holding.extend(self, token, duration)

    # --- family ------------------------------------------------------------------------

    async def getChildrenValues(self) -> dict[str, Any]:
        """`{child key: value}` of the completed children."""
        return await children.values(await self.queue.ledger(), self.id)

    async def getDependencies(self, opts: Mapping[str, Any] | None = None) -> Dependencies:
        """`{processed, unprocessed, failed, ignored}`, with cursors when pages are asked for."""
        return await children.dependencies(await self.queue.ledger(), self.id, opts)

    async def getDependenciesCount(self, opts: Mapping[str, Any] | None = None) -> DependencyCounts:
        """How many children are processed, unprocessed, failed, ignored."""
        return await children.counts(await self.queue.ledger(), self.id, opts)

    async def getIgnoredChildrenFailures(self) -> dict[str, str]:
        """`{child key: reason}` of failed children that do not fail this job."""
        return await children.ignored(await self.queue.ledger(), self.id)

    getFailedChildrenValues = getIgnoredChildrenFailures

    async def removeChildDependency(self) -> bool:
        """Cuts this job from its parent; False if it has none."""
        cut = await children.cut(await self.queue.ledger(), self.id)
        if cut:
            self.parent, self.parentKey = None, None
        return cut

    async def removeUnprocessedChildren(self) -> None:
        """Removes the children that have not started."""
        await removal.remove_unprocessed_children(await self.queue.ledger(), self.id)

    async def removeDeduplicationKey(self) -> bool:
        """Frees the deduplication id if this job owns it."""
        if not self.deduplication_id:
            return False
        from_owner = await removal.free_deduplication(
            await self.queue.ledger(), self.deduplication_id, self.id
        )
        return bool(from_owner)

    async def waitUntilFinished(self, queueEvents: QueueEvents, ttl: int | None = None) -> Result:
        """The return value; JetbullError with the failed reason, or after `ttl` ms."""
        finished: Result = await waiting.until_finished(self, queueEvents, ttl)
        return finished


def _policies(opts: Mapping[str, Any]) -> dict[str, bool]:
    return {short: True for short in PARENT_POLICIES if opts.get(OPTS_DECODE[short])}


def optsFromJSON(rawOpts: Mapping[str, Any]) -> dict[str, Any]:
    """Long option names for the short ones."""
    return expand(rawOpts)


def getReturnValue(value: Any) -> Any:
    """The decoded value, or the text itself when it is no JSON."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


__all__ = [
    "Job",
    "JobOwner",
    "getReturnValue",
    "optsDecodeMap",
    "optsEncodeMap",
    "optsFromJSON",
]
