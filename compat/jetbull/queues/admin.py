"""Running a queue: pause, limits, cleaning, retrying, emptying."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jetbull import checks
from jetbull.backend import Backend
from jetbull.client_list import of_queue
from jetbull.commands import bulk, cancelling, cleaning, deduplicating, obliterating, removing
from jetbull.errors import ConfigurationError
from jetbull.event_emitter import EventEmitter
from jetbull.job import JobOwner
from jetbull.ledger.limits import gate
from jetbull.ledger.limits.occupancy import running
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.queue import presence, settings
from jetbull.legacy import outdated
from jetbull.spelling import look_at_states
from jetbull.types.results import RateLimit, WorkerInfo


class QueueAdmin(JobOwner, EventEmitter):
    """The part of `Queue` that operates it."""

    backend: Backend

    # --- pause -------------------------------------------------------------------------

    async def pause(self) -> int:
        """Lets no worker start a job of this queue until `resume`; returns 0, as in BullMQ."""
        store = await self.ledger()
        await settings.change(store, lambda s: s.update(paused=True))
        store.emit("paused")
        self.emit_safely("paused")
        return 0

    async def resume(self) -> int:
        """Lets workers start jobs again; returns 0, as in BullMQ."""
        store = await self.ledger()
        await settings.change(store, lambda s: s.pop("paused", None))
        store.emit("resumed")
        self.emit_safely("resumed")
        return 0

    async def isPaused(self) -> bool:
        """Whether the queue is paused, for all workers."""
        values, _ = await settings.read(await self.ledger())
        return bool(values.get("paused"))

    # --- limits ------------------------------------------------------------------------

    async def setGlobalConcurrency(self, concurrency: int) -> int:
        """Lets at most `concurrency` jobs run at once over all workers."""
        return await self._set(concurrency=checks.number("concurrency", concurrency))

    async def getGlobalConcurrency(self) -> int | None:
        """The limit that `setGlobalConcurrency` set, or None."""
        values, _ = await settings.read(await self.ledger())
        return values.get("concurrency")

    async def removeGlobalConcurrency(self) -> int:
        """How many fields were removed: 1 or 0."""
        return await self._unset("concurrency")

    async def setGlobalRateLimit(self, max_jobs: int, duration_ms: int) -> int:
        """Lets at most `max_jobs` jobs start per `duration_ms`, over all workers."""
        most = checks.number("max", max_jobs)
        return await self._set(max=most, duration=checks.number("duration", duration_ms))

    async def getGlobalRateLimit(self) -> RateLimit | None:
        """`{max, duration}` (ms) that `setGlobalRateLimit` set, or None."""
        values, _ = await settings.read(await self.ledger())
        if "max" not in values or "duration" not in values:
            return None
        return {"max": values["max"], "duration": values["duration"]}

    async def removeGlobalRateLimit(self) -> int:
        """How many fields were removed: 2 or 0."""
        return await self._unset("max", "duration")

    async def rateLimit(self, expire_time_ms: int) -> None:
        """Lets workers with a limiter start nothing for this many ms."""
        milliseconds = checks.number("rateLimit's time in ms", expire_time_ms)
        await gate.close_window(await self.ledger(), milliseconds)

    async def removeRateLimitKey(self) -> int:
        """Ends the current rate window: 1, or 0 when there is none."""
        store = await self.ledger()
        removed = await gate.open_window(store)
        await store.hint("meta")
        return removed

    async def getRateLimitTtl(self, max_jobs: int | None = None) -> int:
        """Ms until the rate window ends; -2 without one, 0 when it has room for `max_jobs`."""
        if max_jobs is not None:
            max_jobs = checks.number("maxJobs", max_jobs)
        window = await gate.window(await self.ledger())
        if window is None:
            return -2 if max_jobs is None else 0
        if max_jobs is not None and window.count < max_jobs:
            return 0
        return max(1, window.end_ms - now_ms())

    async def isMaxed(self) -> bool:
        """Whether the global concurrency is used up."""
        store = await self.ledger()
        limit = await self.getGlobalConcurrency()
        return limit is not None and len(await running(store)) >= limit

    async def _set(self, **values: int) -> int:
        store = await self.ledger()
        before, _ = await settings.read(store)
        await settings.change(store, lambda s: s.update(values))
        return sum(1 for key in values if key not in before)

    async def _unset(self, *names: str) -> int:
        store = await self.ledger()
        before, _ = await settings.read(store)

        def without(values: settings.Settings) -> None:
            for name in names:
                values.pop(name, None)

        await settings.change(store, without)
        return sum(1 for name in names if name in before)

    # --- many jobs ---------------------------------------------------------------------

    async def drain(self, delayed: bool = False) -> None:
        """Removes all jobs that wait (and the delayed ones, if asked)."""
        await cleaning.drain(await self.ledger(), delayed)

    async def clean(self, grace: int, limit: int, type: str = "completed") -> list[str]:
        """Removes up to `limit` (0: all) jobs of a state older than `grace` ms; their ids."""
        least, most = checks.number("grace", grace), checks.number("limit", limit)
        if not isinstance(type, str):
            raise ConfigurationError(f"type is a state such as completed, not {type!r}.")
        look_at_states([type])
        removed = await cleaning.clean(await self.ledger(), least, most, type)
        self.emit_safely("cleaned", removed, "wait" if type == "waiting" else type)
        return removed

    async def obliterate(self, force: bool | Mapping[str, Any] = False) -> None:
        """Removes the queue and all it holds; JetbullError if jobs are active and not `force`."""
        forced = bool(force.get("force")) if isinstance(force, Mapping) else bool(force)
        await self.pause()
        await obliterating.obliterate(await self.ledger(), forced)

    async def remove(self, job_id: str, opts: Mapping[str, Any] | None = None) -> int:
        """1 removed or unknown, 0 locked, -8 belongs to a scheduler."""
        with_children = checks.mapping("opts", opts).get("removeChildren", True)
        code = await removing.remove(await self.ledger(), str(job_id), with_children)
        if code == 1:
            self.emit_safely("removed", str(job_id))
        return code

    async def retryJobs(self, opts: Mapping[str, Any] | None = None) -> None:
        """Lets all failed (or with `{state: "completed"}` all completed) jobs wait again.

        ConfigurationError (a ValueError) for any other state.
        """
        given = checks.mapping("opts", opts)
        state = given.get("state") or "failed"
        if state not in ("failed", "completed"):
            raise ConfigurationError(f"state is {state!r}: retryJobs takes failed or completed.")
        until = given.get("timestamp")
        if until is not None:
            until = checks.number("timestamp", until)
        await bulk.retry_all(await self.ledger(), state, until)

    async def promoteJobs(self, opts: Mapping[str, Any] | None = None) -> None:
        """Lets all delayed jobs wait now."""
        checks.mapping("opts", opts)
        await bulk.promote_all(await self.ledger())

    async def trimEvents(self, maxLength: int) -> int:
        """Removes all but about the newest `maxLength` events; returns how many messages went."""
        most = checks.number("maxLength", maxLength)
        return await cleaning.trim_events(await self.ledger(), min(most, 2**53))

    async def removeDeduplicationKey(self, id: str) -> int:
        """Frees a deduplication id: 1, or 0 when nobody owns it."""
        return await deduplicating.free_by_hand(await self.ledger(), str(id))

    async def removeDebounceKey(self, id: str) -> int:
        """v5's name for `removeDeduplicationKey`."""
        outdated("removeDebounceKey", "removeDeduplicationKey")
        return await self.removeDeduplicationKey(id)

    async def removeDeprecatedPriorityKey(self) -> int:
        """Nothing to remove here; kept for callers of old BullMQ versions."""
        return 0

    async def cancelJob(self, job_id: str, reason: str | None = None) -> bool:
        """Cancels a job wherever it is: a waiting one is removed, a running one gets the signal.

        True when it was removed or its processor was told; False for a finished or unknown job,
        for the next job of a scheduler, and when the processor takes no signal.
        """
        outcome = await cancelling.cancel(await self.ledger(), str(job_id), reason)
        if outcome == "removed":
            self.emit_safely("removed", str(job_id))
        return outcome is not None

    # --- workers -----------------------------------------------------------------------

    async def get_workers(self) -> list[WorkerInfo]:
        """What each worker of the queue says of itself (`name`, `rawname`, …)."""
        name = self.backend.clientName()
        # Of a cluster, the node that knows most.
        lists = [of_queue(each, name, self.name) for each in await self.backend.getClientList()]
        return cast(list[WorkerInfo], max(lists, key=len, default=[]))

    async def get_workers_count(self) -> int:
        """How many workers of the queue answer."""
        return len(await self.get_workers())

    getWorkers = get_workers
    getWorkersCount = get_workers_count

    async def getQueueEvents(self) -> list[dict[str, Any]]:
        """What each QueueEvents of the queue says of itself (`name`, `rawname`)."""
        return await presence.listeners(await self.ledger())


__all__ = ["QueueAdmin"]
