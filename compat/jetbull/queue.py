"""A named queue: adding, finding, counting, pausing and cleaning jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast, overload

from jetbull import checks
from jetbull.backend import create_backend
from jetbull.commands import adding
from jetbull.event_emitter import EventEmitter
from jetbull.job import Job
from jetbull.ledger.store.collector import collector_paused
from jetbull.ledger.store.store import QueueStore
from jetbull.legacy import modern, outdated
from jetbull.options import DEFAULT_PREFIX, check_id
from jetbull.queues.admin import QueueAdmin
from jetbull.queues.jobs import QueueJobs
from jetbull.queues.metrics import QueueMetrics
from jetbull.queues.schedules import QueueSchedules
from jetbull.spelling import look_over
from jetbull.telemetry.queues import trace_queue
from jetbull.types.generics import Data, Result
from jetbull.types.job_options import JobOptions
from jetbull.types.queue_options import QueueBaseOptions

_KNOWN = frozenset(QueueBaseOptions.__annotations__)


def _options(second: Any, third: Any) -> Any:
    """Of `Queue(name, opts)`, or of `(name, redisOpts, opts)` as in BullMQ for Python 0 and 1."""
    if isinstance(second, str) or (second is not None and third is not None):
        return {"connection": second, **checks.mapping("opts", third)}
    return third if second is None else second


class Queue(QueueMetrics[Data, Result], QueueJobs, QueueAdmin, QueueSchedules[Data, Result]):
    """BullMQ's Queue. Lazy: nothing is connected before the first awaited call.

    `opts`: `connection`, `prefix` ("bull"), `defaultJobOptions`, `settings`, `telemetry`,
    `streams {events: {maxLen}}`.

    Listeners (`on`) hear what this object does: `waiting(job)`, `progress(jobId, progress)`,
    `paused()`, `resumed()`, `removed(jobId)`, `cleaned(ids, type)`, `error(error)`.
    """

    @overload
    def __init__(
        self, name: str, opts: QueueBaseOptions | Mapping[str, Any] | None = None, /
    ) -> None: ...
    @overload
    def __init__(
        self, name: str, *, opts: QueueBaseOptions | Mapping[str, Any] | None = None
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        redisOpts: str | Mapping[str, Any],
        opts: QueueBaseOptions | Mapping[str, Any] | None = None,
    ) -> None: ...
    def __init__(self, name: str, redisOpts: Any = None, opts: Any = None) -> None:
        EventEmitter.__init__(self)
        self.name = name
        self.opts: dict[str, Any] = dict(checks.mapping("opts", _options(redisOpts, opts)))
        look_over("a queue", self.opts, _KNOWN)
        defaults: Any = self.opts.get("defaultJobOptions") or {}
        checks.mapping("defaultJobOptions", defaults)
        self.jobsOpts: dict[str, Any] = defaults
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.qualifiedName = f"{self.prefix}:{name}"
        self.backend = create_backend(name, self.opts)
        self.client = self.backend.conn
        self.keys = self.backend.keys
        self.redisConnection = self.scripts = None
        trace_queue(self)

    async def ledger(self) -> QueueStore:
        """The queue's place in the ledger; connects on first use."""
        return await self.backend.ledger()

    def toKey(self, type: str) -> str:
        """`<prefix>:<queue>:<type>`, the name BullMQ's Redis key would have."""
        return self.backend.toKey(type)

    async def add(
        self, name: str, data: Data, opts: JobOptions | Mapping[str, Any] | None = None
    ) -> Job[Data, Result]:
        """Stores one job and returns it, with its id or that of the job it is a duplicate of.

        ValueError for data that is not JSON or options that cannot work; JobError -5 for a parent
        that does not exist.
        """
        if checks.mapping("opts", opts).get("repeat"):
            outdated("The job option repeat", "upsertJobScheduler")
            given = modern({**self.jobsOpts, **(opts or {})})
            next_job = await self.addRepeatable(name, data, given)
            # Limit reached or end date past: version 5 stored nothing, and that was no error.
            return next_job or Job(self, name, data, given)
        job = self._fresh(name, data, opts)
        job.id = await adding.add(await self.ledger(), job)
        self.emit_safely("waiting", job)
        return job

    def _fresh(
        self, name: str, data: Data, opts: JobOptions | Mapping[str, Any] | None
    ) -> Job[Data, Result]:
        given = {**self.jobsOpts, **checks.mapping("opts", opts)}
        if given:
            given = modern(given)
            check_id(given)
        return Job(self, name, data, given)

    def on_progress(self, job: Job, progress: Any) -> None:
        """Called when a job object of this queue has reported its progress."""
        self.emit_safely("progress", job.id, progress)

    def on_removed(self, job: Job) -> None:
        """Called when a job object of this queue has removed itself."""
        self.emit_safely("removed", job.id)

    async def addBulk(self, jobs: Sequence[Mapping[str, Any]]) -> list[Job[Data, Result]]:
        """Stores `[{name, data, opts}]` in order, all of them or none, however many they are."""
        with collector_paused():
            fresh = [
                self._fresh(
                    cast(str, row.get("name")), cast(Data, row.get("data")), row.get("opts")
                )
                for row in checks.mappings("jobs", jobs)
            ]
        if fresh:
            await adding.add_bulk(await self.ledger(), fresh)
        return fresh

    @property
    def defaultJobOptions(self) -> dict[str, Any]:
        """A copy of the options every new job begins with."""
        return dict(self.jobsOpts)

    async def waitUntilReady(self) -> None:
        """Connects now; ServerUnavailable when no server answers."""
        await self.ledger()

    async def close(self) -> None:
        """Waits until pending events are stored, then lets go of the connection."""
        await self.backend.close()

    disconnect = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


__all__ = ["Queue"]
