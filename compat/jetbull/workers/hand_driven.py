"""The steps of BullMQ's worker loop, for callers that drive a worker by hand."""

from __future__ import annotations

import asyncio
import errno
import importlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from jetbull.event_emitter import EventEmitter
from jetbull.job import Job, JobOwner
from jetbull.schedulers.following import follow
from jetbull.utils import extract_result

_PAUSE_SECONDS = 0.1  # between two tries, so that an error that lasts does not keep the CPU busy
_DEFAULT_RETRY_MS = 15_000
_LONGEST_WAIT_SECONDS = 10

_AWAY = frozenset({"ConnectionError", "TimeoutError", "BusyLoadingError"})  # redis-py's included
_NAMES = ("ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "EHOSTUNREACH", "EPIPE")
_ERRNOS = frozenset(getattr(errno, name) for name in _NAMES)
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_WORDS = (
    *_NAMES,
    *("Connection refused", "Connection reset", "Network is unreachable"),
    *("No route to host", "Broken pipe"),
)


@lru_cache(maxsize=1)
def _postgres_connection_error_types() -> tuple[type[Exception], ...]:
    """psycopg's errors for a lost connection, if it is installed."""
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError:
        return ()
    return (psycopg.InterfaceError, psycopg.OperationalError)


async def getCompleted(
    task_set: set[asyncio.Future[Any]], emit_callback: Callable[..., Any]
) -> tuple[list[Job], set[asyncio.Future[Any]]]:
    """The jobs that the first ended tasks of a set give, and the tasks that go on."""
    if not task_set:
        await asyncio.sleep(0)
        return [], set()
    ended, pending = await asyncio.wait(task_set, return_when=asyncio.FIRST_COMPLETED)
    jobs = [extract_result(task, emit_callback) for task in ended]
    return [job for job in jobs if job is not None], pending


class HandDriven(JobOwner, EventEmitter):
    """Waiting, retrying and taking over, as a loop of one's own needs them."""

    closing: bool
    closed: bool
    paused: bool
    jobs: set[tuple[Job[Any, Any], str]]

    async def rest(self) -> None:
        """A pause before something is tried again."""
        await asyncio.sleep(_PAUSE_SECONDS)

    def isConnectionError(self, error: BaseException) -> bool:
        """Whether the error says that a server is away, so that trying again makes sense."""
        if any(cls.__name__ in _AWAY for cls in type(error).__mro__):
            return True
        if self.opts.get("backend") == "postgres":
            return isinstance(error, _postgres_connection_error_types())
        if not isinstance(error, OSError):
            return False
        text = str(error)
        numbers = {error.errno, *map(int, _ERRNO.findall(text))}
        return bool(numbers & _ERRNOS) or any(word in text for word in _WORDS)

    async def retryIfFailed(
        self, fn: Callable[[], Awaitable[Any]], opts: Mapping[str, Any] | None = None
    ) -> Any:
        """Calls `fn` again while its server is away, every `delay_in_ms`, up to `max_retries`.

        Any other error is told as `error`, and raised unless `only_emit_error`.
        """
        given = opts or {}
        tries = given.get("max_retries")
        made = 0
        while tries is None or made < tries:
            try:
                return await fn()
            except Exception as error:
                if not self.isConnectionError(error):
                    return await self._not_connection(error, given)
                made += 1
                if made == tries:
                    raise
            if not (self.closing or self.closed):
                await asyncio.sleep(given.get("delay_in_ms", _DEFAULT_RETRY_MS) / 1000)
        return None

    async def _not_connection(self, error: Exception, opts: Mapping[str, Any]) -> None:
        if not (self.paused or self.closing):
            self.emit("error", error)
        if not opts.get("only_emit_error"):
            raise error
        if not (self.closing or self.closed):
            await asyncio.sleep(_PAUSE_SECONDS)

    async def waitForJob(self) -> int:
        """Returns when a job may be there, at the latest after `drainDelay` seconds: 0."""
        try:
            found = await self.backend.waitForJob(self.opts.get("drainDelay", 5))
        except Exception as error:
            if self.isConnectionError(error) and not (self.closing or self.closed):
                await asyncio.sleep(_PAUSE_SECONDS)
            raise
        return int(found[2]) if found and found[1] else 0

    @property
    def minimumBlockTimeout(self) -> float:
        """Seconds: the shortest wait for a job."""
        return self.backend.minimumBlockTimeout

    @property
    def maximumBlockTimeout(self) -> float:
        """Seconds: the longest wait for a job that is due at a known time."""
        return _LONGEST_WAIT_SECONDS

    def getBlockTimeout(self, block_until: float) -> float:
        """Seconds to wait for a job: until a time (ms), or `drainDelay` when none is known (0)."""
        if not block_until:
            idle: float = self.opts.get("drainDelay", 5)
            return max(idle, self.minimumBlockTimeout)
        seconds = (block_until - int(time.time() * 1000)) / 1000
        return min(max(seconds, self.minimumBlockTimeout), self.maximumBlockTimeout)

    async def extendLocks(self) -> None:
        """Renews the locks of all that is in `jobs`."""
        held = [(job.id, token) for job, token in self.jobs]
        ids, tokens = [job_id for job_id, _ in held], [token for _, token in held]
        await self.backend.extendLocks(ids, tokens, self.opts["lockDuration"])

    async def nextJobFromJobData(
        self,
        job_data: Mapping[str, Any] | None = None,
        job_id: str | None = None,
        limit_until: int = 0,
        delay_until: int = 0,
        token: str | None = None,
    ) -> Job | None:
        """The job of a result of `moveToCompleted(…, fetchNext=True)`; its scheduler goes on."""
        if not job_data:
            return None
        job = Job.fromJSON(self, job_data, job_id)
        job.token = token
        if job.repeatJobKey:
            await follow(self, job)
        return job


__all__ = ["HandDriven", "getCompleted"]
