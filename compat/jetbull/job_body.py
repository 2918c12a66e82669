"""What a job holds: BullMQ's attributes, with what every job begins with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic

from jetbull import checks
from jetbull.errors import ConfigurationError
from jetbull.job_home import Home
from jetbull.ledger.job.lease import Lease
from jetbull.options import NEW_JOB, OPTS_DECODE, PARENT_POLICIES, checked, readable
from jetbull.types.generics import Data, Result
from jetbull.types.job_options import JobOptions

if TYPE_CHECKING:
    from jetbull.backend import Backend  # as in `job_home`

_FROM_OPTIONS = frozenset({"delay", "priority", "attempts", "removeOnComplete", "removeOnFail"})


class JobBody(Generic[Data, Result, Home]):
    """A job's attributes."""

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
        queue: Home,
        name: str,
        data: Data,
        opts: JobOptions | Mapping[str, Any] | None = None,
        job_id: str | None = None,
        *,
        stored: bool = False,
    ) -> None:
        """`stored`: the job is there already, so its options are taken as they are."""
        self.queue: Home = queue
        self.name = name
        self.data: Data = data
        self.id: Any = job_id
        self.opts: dict[str, Any] = NEW_JOB.copy()
        self.stacktrace: list[str] = []
        self.timestamp: int = 0 if stored else round(time.time() * 1000)
        if opts:
            given = dict(checks.mapping("opts", opts))
            self._take(readable(given) if stored else checked(given))

    def _take(self, given: dict[str, Any]) -> None:
        """What the options say of the job."""
        self.id = given.get("jobId") or self.id
        if given.get("timestamp") is not None:
            self.timestamp = given["timestamp"]
        # In the order that BullMQ has: what nobody gave for `backoff` comes last.
        self.opts = {"attempts": 0, "delay": 0, **given}
        self.opts.setdefault("backoff", None)
        for option in _FROM_OPTIONS.intersection(given):
            setattr(self, option, given[option])
        parent = given.get("parent")
        if parent:
            if not isinstance(parent, Mapping):
                shown = checks.shown(parent)
                raise ConfigurationError(f"parent is a dictionary {{id, queue}}, not {shown}.")
            self.parentKey = f"{parent.get('queue')}:{parent.get('id')}"
            self.parent = {"id": parent.get("id"), "queueKey": parent.get("queue")}
            self.parent.update(policies(given))
        deduplication = given.get("deduplication")
        if isinstance(deduplication, dict):
            self.deduplication_id = deduplication.get("id")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.name!r} of {self.queueName!r}>"

    @property
    def queueQualifiedName(self) -> str:
        """The queue's prefix and name."""
        return self.queue.qualifiedName

    @property
    def backend(self) -> Backend:
        """The connection of the queue or worker the job came from."""
        return self.queue.backend

    @property
    def deduplicationId(self) -> str | None:
        """Node's spelling of `deduplication_id`."""
        return self.deduplication_id

    @property
    def queueName(self) -> str:
        """The queue's name."""
        return self.queue.name

    @property
    def prefix(self) -> str:
        """The queue's prefix."""
        return self.queue.prefix

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


def policies(opts: Mapping[str, Any]) -> dict[str, bool]:
    """What a failure means for the parent, by BullMQ's short names."""
    return {short: True for short in PARENT_POLICIES if opts.get(OPTS_DECODE[short])}


__all__ = ["JobBody", "policies"]
