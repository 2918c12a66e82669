"""The processor a worker process loads: `audibook.worker:worker`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from jetbull import Job, Queue

from .cancelling import CancelSignal
from .catalogue import database_errors
from .processor import JobProcessor
from .services import in_thread

__all__ = ["WORKER_OPTIONS", "AudiobookWorker", "worker"]

WORKER_OPTIONS: Mapping[str, Any] = {"maxStalledCount": 20}
"""Options for a Worker that runs these jobs: how often a job may lose its worker.

BullMQ's 1 would fail a book when two workers die in a row at the same one of its many jobs, which
run for minutes and may be repeated without harm. What kills its worker each time still fails.
"""

_running: ContextVar[Job | None] = ContextVar("audibook_running_job", default=None)


class AudiobookWorker:
    """Processes jobs with a processor set up from the environment at the first job.

    A job that follows from another is added to the same queue, at most once at a time.
    """

    worker_options = WORKER_OPTIONS

    def __init__(self) -> None:
        self._processor: JobProcessor | None = None
        self._opening = threading.Lock()
        self._queues: dict[tuple[str, str], Queue] = {}

    async def __call__(
        self, job: Any, token: object = None, signal: CancelSignal | None = None
    ) -> dict[str, Any]:
        """Process one job; gives its result. One that is cancelled fails for good."""
        processor: JobProcessor = await in_thread(self._open)
        _running.set(job if isinstance(job, Job) else None)
        return await processor(job, token, signal)

    async def aclose(self) -> None:
        """Let go of connections; the next job opens them again."""
        queues, self._queues = list(self._queues.values()), {}
        for queue in queues:
            await queue.close()
        if self._processor is not None:
            self._processor.close()
            self._processor = None

    def _open(self) -> JobProcessor:
        """In a thread: a database that does not answer must not keep the locks from renewal."""
        with self._opening:
            if self._processor is None:
                with database_errors():
                    self._processor = JobProcessor(enqueue=self._enqueue)
            return self._processor

    async def _enqueue(self, name: str, data: Mapping[str, Any], deduplication_id: str) -> None:
        job = _running.get()
        if job is None:
            return  # of another kind of queue, which the caller has to feed
        place = (job.queue.prefix, job.queue.name)
        if place not in self._queues:
            options = {"connection": job.queue.opts.get("connection"), "prefix": job.queue.prefix}
            self._queues[place] = Queue(job.queue.name, options)
        options = {"deduplication": {"id": deduplication_id}}
        await self._queues[place].add(name, dict(data), options)


worker = AudiobookWorker()
