"""One back end as the state machine drives it: the same steps, the same view of the result."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.contract.bullmq.backends.backend import Backend

STATES = (
    "waiting",
    "prioritized",
    "delayed",
    "active",
    "completed",
    "failed",
    "waiting-children",
)
_TIMES = re.compile(r"\b1[0-9]{12}\b")
Step = Callable[["Side"], Awaitable[Any]]


@dataclass
class Side:
    """Queue, child queue, worker and flow producer of one back end, and the jobs it has taken."""

    backend: Backend
    prefix: str
    taken: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        options = {**self.backend.connection, "prefix": self.prefix}
        self.queue = self.backend.Queue("main", options)
        self.children = self.backend.Queue("children", options)
        self.worker = self.backend.Worker("main", None, {**options, "drainDelay": 1})
        self.child_worker = self.backend.Worker("children", None, {**options, "drainDelay": 1})
        self.flows = self.backend.FlowProducer(None, options)

    async def close(self) -> None:
        """Lets go of everything."""
        for one in (self.worker, self.child_worker, self.queue, self.children, self.flows):
            await one.close()

    async def take(self, token: str) -> str | None:
        """The id of the next job, which is active from now on; None when there is none."""
        job = await self._next(self.worker, token)
        if job is None:
            return None
        self.taken[job.id] = job
        return str(job.id)

    async def finish_child(self, token: str, value: Any, fails: bool) -> str | None:
        """Takes the next job of the other queue and ends it; its id."""
        job = await self._next(self.child_worker, token)
        if job is None:
            return None
        if fails:
            await job.moveToFailed(ValueError("child"), token)
        else:
            await job.moveToCompleted(value, token)
        return str(job.id)

    async def _next(self, worker: Any, token: str) -> Any:
        worker.drained = False  # BullMQ's own fetch would wait after an empty look
        more = [{"block": False}] if self.backend.name == "jetbull" else []
        return await worker.getNextJob(token, *more)

    async def story(self) -> list[Any]:
        """All events of the queue so far, in order, without what differs between any two runs."""
        options = {**self.backend.connection, "prefix": self.prefix}
        told: list[Any] = []
        ended = asyncio.Event()

        def hear(name: str, *args: Any) -> None:
            if name == "the end":
                ended.set()
            elif ":" not in name:
                told.append((name, plain(args[0]) if len(args) > 1 else {}))

        producer = self.backend.QueueEventsProducer("main", options)
        await producer.publishEvent({"eventName": "the end"})
        await producer.close()
        events = self.backend.QueueEvents("main", {**options, "lastEventId": "0"})
        events.emit = hear
        await asyncio.wait_for(ended.wait(), 10)
        await events.close()
        return told

    async def job(self, job_id: str) -> Any:
        """The stored job; LookupError when there is none."""
        found = await self.queue.getJob(job_id)
        if found is None:
            raise LookupError(job_id)
        return found

    async def outcome(self, step: Step) -> tuple[str, Any]:
        """What a step gave, or how it failed, without what differs between any two runs."""
        try:
            return "gives", plain(await step(self))
        except Exception as error:
            kind = "TypeError" if isinstance(error, TypeError) else "Exception"
            return "raises", (kind, timeless(str(error)))

    async def view(self, known: list[str]) -> dict[str, Any]:
        """Everything a caller can see of the two queues."""
        seen: dict[str, Any] = {"counts": await self.queue.getJobCounts()}
        for state in STATES:
            jobs = await self.queue.getJobs([state], 0, -1, True)
            rows = [shown(job) for job in jobs]
            if state != "delayed":  # there, a delay outlives promoteJobs as a mere number
                rows = [{**row, "delayed": False} for row in rows]
            # Jobs of one millisecond have no order of their own there.
            seen[state] = sorted(rows, key=_by_id) if state == "waiting-children" else rows
        seen["of"] = {job_id: await self.queue.getJobState(job_id) for job_id in known}
        seen["logs"] = {job_id: await self.queue.getJobLogs(job_id) for job_id in known[-4:]}
        seen["children"] = await self.children.getJobCounts()
        seen["paused"] = await self.queue.isPaused()
        seen["owner"] = await self.queue.getDeduplicationJobId("d")
        seen["schedulers"] = [
            {k: v for k, v in row.items() if k not in ("next", "offset")}
            for row in await self.queue.getJobSchedulers(0, -1, True)
        ]
        return seen


def _by_id(row: dict[str, Any]) -> str:
    return str(row["id"])


def shown(job: Any) -> dict[str, Any]:
    """A job without its times."""
    opts = {k: v for k, v in job.opts.items() if k not in ("timestamp", "prevMillis", "jobId")}
    repeat = opts.get("repeat")
    if isinstance(repeat, dict):
        opts["repeat"] = {k: v for k, v in repeat.items() if k != "offset"}
    if job.repeatJobKey:
        opts.pop("delay", None)
    return {
        "id": timeless(str(job.id)),
        "name": job.name,
        "data": job.data,
        "opts": opts,
        "progress": job.progress,
        "made": job.attemptsMade,
        "started": job.attemptsStarted,
        "stalled": job.stalledCounter,
        "priority": job.priority,
        "delayed": bool(job.delay),
        "processed": bool(job.processedOn),
        "finished": bool(job.finishedOn),
        "value": job.returnvalue,
        "reason": job.failedReason,
        "deferred": job.deferredFailure,
        "traces": len(job.stacktrace),
        "parent": job.parentKey,
        "deduplication": job.deduplication_id,
        "scheduler": job.repeatJobKey,
    }


def plain(value: Any) -> Any:
    """A result as data that can be compared: jobs by id, times left out."""
    if hasattr(value, "attemptsMade"):
        return ("job", timeless(str(value.id)))
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return timeless(value) if isinstance(value, str) else value


def timeless(text: str) -> str:
    """The text with every time in milliseconds replaced."""
    return _TIMES.sub("<ms>", text)


async def both(sides: list[Side], step: Step) -> list[tuple[str, Any]]:
    """The outcome of one step on every side, one after the other."""
    return [await side.outcome(step) for side in sides]


async def views(sides: list[Side], known: list[str]) -> list[dict[str, Any]]:
    """What every side shows."""
    return list(await asyncio.gather(*(side.view(known) for side in sides)))


def differences(there: Any, here: Any, where: str = "") -> list[str]:
    """Where two views differ, and how: BullMQ's first, then jetbull's."""
    if isinstance(there, dict) and isinstance(here, dict):
        return [
            line
            for key in {**there, **here}
            for line in differences(there.get(key), here.get(key), f"{where}/{key}")
        ]
    same_length = isinstance(there, list) and isinstance(here, list) and len(there) == len(here)
    if same_length:
        return [
            line
            for number, (one, other) in enumerate(zip(there, here, strict=True))
            for line in differences(one, other, f"{where}/{number}")
        ]
    return [] if there == here else [f"{where}: {_short(there)} != {_short(here)}"]


def _short(value: Any) -> str:
    if isinstance(value, list):
        return str([v.get("id", v) if isinstance(v, dict) else v for v in value])
    return repr(value)
