"""Keeps the locks of running jobs alive and carries cancellation to their processors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, Protocol

from jetbull.abort_controller import AbortController
from jetbull.errors import JetbullError
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.tasks import background

log = logging.getLogger("jetbull.worker")


class LockKeeper(Protocol):
    """What renews the locks of jobs that are known by id and token alone."""

    async def extendLocks(
        self, job_ids: Sequence[str], tokens: Sequence[str], duration: int
    ) -> list[str]: ...


class LockOwner(Protocol):
    """What the manager needs of its worker."""

    @property
    def backend(self) -> LockKeeper: ...

    def emit(self, event: str, /, *args: object) -> None: ...


@dataclass(slots=True)
class _Tracked:
    token: str
    lease: Lease | None
    renewed: float
    controller: AbortController | None
    ts: int


class LockManager:
    """Renews every lock after half of `lock_renew_time` (ms), all that are due together.

    Events on the worker: `locksRenewed({count, jobIds})`, `lockRenewalFailed([ids])`.
    """

    def __init__(
        self,
        worker: LockOwner,
        lock_renew_time: int,
        lock_duration: int,
        worker_id: str = "",
        worker_name: str | None = None,
    ) -> None:
        self.worker = worker
        self.lock_renew_time = lock_renew_time
        self.lock_duration = lock_duration
        self.worker_id = worker_id
        self.worker_name = worker_name
        self.closed = False
        self._jobs: dict[str, _Tracked] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts renewing; may be called again."""
        if not self.closed and self._task is None and self.lock_renew_time > 0:
            self._task = background(self._run())

    def track_job(
        self,
        job_id: str,
        token: str,
        ts: int = 0,
        should_create_controller: bool = False,
        lease: Lease | None = None,
    ) -> AbortController | None:
        """Renews this job's lock from now on; its controller if one was asked for.

        `ts` (ms since the epoch, 0: now) is when the lock began. Without a `lease` the job was
        taken by hand, and `token` is what holds it.
        """
        if self.closed or not job_id:
            return None
        controller = AbortController() if should_create_controller else None
        age = max(0.0, time() - ts / 1000) if ts else 0.0
        self._jobs[job_id] = _Tracked(token, lease, monotonic() - age, controller, ts)
        return controller

    def untrack_job(self, job_id: str) -> None:
        """Ends the renewal of a job's lock."""
        self._jobs.pop(job_id, None)

    def cancel_job(self, job_id: str, reason: str | None = None) -> bool:
        """Aborts the job's signal; False if it is unknown or its processor takes none."""
        tracked = self._jobs.get(job_id)
        if tracked is None or tracked.controller is None:
            return False
        tracked.controller.abort(reason)
        return True

    def cancel_all_jobs(self, reason: str | None = None) -> None:
        """Aborts every signal."""
        for tracked in self._jobs.values():
            if tracked.controller is not None:
                tracked.controller.abort(reason)

    @property
    def tracked_jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs as they are now, by id: `{token, ts, abort_controller}`, `ts` in ms."""
        past = time() - monotonic()
        return {
            job_id: {
                "token": tracked.token,
                "ts": tracked.ts if tracked.lease is None else int((past + tracked.renewed) * 1000),
                "abort_controller": tracked.controller,
            }
            for job_id, tracked in self._jobs.items()
        }

    def get_active_job_count(self) -> int:
        """How many jobs' locks are kept."""
        return len(self._jobs)

    def get_tracked_job_ids(self) -> list[str]:
        """Their ids."""
        return list(self._jobs)

    def is_running(self) -> bool:
        """Whether locks are being renewed."""
        return not self.closed and self._task is not None

    async def close(self) -> None:
        """Ends the renewal and forgets the jobs; may be called again."""
        if self.closed:
            return
        self.closed = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._jobs.clear()

    async def _run(self) -> None:
        half = self.lock_renew_time / 2000
        while True:
            await asyncio.sleep(half)
            limit = monotonic() - half
            due = [job_id for job_id, t in self._jobs.items() if t.renewed <= limit]
            if due:
                await self._renew(due)

    async def _renew(self, job_ids: list[str]) -> None:
        tracked = {job_id: self._jobs[job_id] for job_id in job_ids if job_id in self._jobs}
        by_hand = {job_id: job for job_id, job in tracked.items() if job.lease is None}
        leased = {job_id: job for job_id, job in tracked.items() if job.lease is not None}
        refused, *results = await asyncio.gather(
            self._renew_by_tokens(by_hand),
            *(self._renew_one(job) for job in leased.values()),
            return_exceptions=True,
        )
        renewed: list[str] = []
        lost: list[str] = []
        if isinstance(refused, list):
            lost += refused
            renewed += [job_id for job_id in by_hand if job_id not in refused]
        else:
            self._complain(refused)
        for job_id, result in zip(leased, results, strict=True):
            if result is None:
                renewed.append(job_id)
            elif isinstance(result, LeaseLost):
                lost.append(job_id)
            else:
                self._complain(result)
        self._report(renewed, [job_id for job_id in lost if job_id in self._jobs])

    def _report(self, renewed: list[str], failed: list[str]) -> None:
        if failed:
            self._tell("lockRenewalFailed", failed)
            for job_id in failed:
                self._tell("error", JetbullError(f"could not renew lock for job {job_id}"))
        if renewed:
            self._tell("locksRenewed", {"count": len(renewed), "jobIds": renewed})

    def _complain(self, error: object) -> None:
        """Tells what kept locks from being renewed; what is no `Exception` ends the renewal."""
        if isinstance(error, BaseException) and not isinstance(error, Exception):
            raise error
        self._tell("error", error)

    def _tell(self, event: str, *args: object) -> None:
        """A listener that fails must not end the renewing of all locks."""
        try:
            self.worker.emit(event, *args)
        except Exception:
            log.exception("a listener of '%s' failed", event)

    async def _renew_one(self, tracked: _Tracked) -> None:
        tracked.renewed = monotonic()
        lease = tracked.lease
        if lease is not None and not lease.ended:
            await lease.update()

    async def _renew_by_tokens(self, jobs: dict[str, _Tracked]) -> list[str]:
        """Renews the locks of jobs taken by hand, all at once; the ids of those held otherwise."""
        if not jobs:
            return []
        for tracked in jobs.values():
            tracked.renewed = monotonic()
        tokens = [tracked.token for tracked in jobs.values()]
        return await self.worker.backend.extendLocks(list(jobs), tokens, self.lock_duration)


__all__ = ["LockManager"]
