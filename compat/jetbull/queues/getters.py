"""Reading a queue: jobs, states, counts, logs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Generic

from jetbull import checks
from jetbull.commands import logs
from jetbull.errors import ConfigurationError
from jetbull.job import Job, JobOwner
from jetbull.ledger.adding import deduplication
from jetbull.ledger.job import reading
from jetbull.ledger.messages.names import PUBLIC_STATES
from jetbull.ledger.messages.record import Record
from jetbull.ledger.queue import counting, pages
from jetbull.ledger.queue.listing import listed
from jetbull.ledger.queue.tally import count_all
from jetbull.legacy import note_paused_state, outdated
from jetbull.spelling import look_at_states
from jetbull.types.generics import Data, Result
from jetbull.types.results import JobLogs

DEFAULT_TYPES = tuple(sorted(PUBLIC_STATES))
_ALIASES = {"wait": "waiting"}


class QueueGetters(JobOwner, Generic[Data, Result]):
    """The part of `Queue` that reads jobs and counts them."""

    async def getJob(self, job_id: str) -> Job[Data, Result] | None:
        """The job, or None."""
        return await Job.fromId(self, job_id)

    async def getJobState(self, job_id: str) -> str:
        """The job's state, or `unknown`."""
        return await reading.state(await self.ledger(), str(job_id))

    def sanitizeJobTypes(self, types: Iterable[str]) -> list[str]:
        """The types asked for, each once; all of them when none is asked for."""
        asked = list(dict.fromkeys(checks.labels("types", types)))
        look_at_states(asked)
        if "paused" in asked:
            note_paused_state()
        return asked or list(DEFAULT_TYPES)

    async def getJobs(
        self, types: Iterable[str] | str = (), start: int = 0, end: int = -1, asc: bool = False
    ) -> list[Job[Data, Result]]:
        """Jobs of the types, the range applied to each type; newest first unless `asc`."""
        start, end = checks.position("start", start), checks.position("end", end)
        states = dict.fromkeys(_ALIASES.get(kind, kind) for kind in self.sanitizeJobTypes(types))
        store = await self.ledger()
        asked = (listed(store, state, start, end, asc) for state in states)
        found = await store.wire.together(*asked)
        records: dict[str, Record] = {}
        for job_id, stored in chain.from_iterable(found):
            records.setdefault(job_id, stored.record)
        return await Job.load_many(self, records)

    async def getRanges(
        self, types: Iterable[str] | str = (), start: int = 0, end: int = -1, asc: bool = False
    ) -> list[str]:
        """As `getJobs`, but only the ids, and none without types (BullMQ for Node)."""
        start, end = checks.position("start", start), checks.position("end", end)
        given = checks.labels("types", types)
        store = await self.ledger()
        states = [_ALIASES.get(kind, kind) for kind in self.sanitizeJobTypes(given) if given]
        asked = (listed(store, state, start, end, asc) for state in states)
        found = await store.wire.together(*asked)
        return list(dict.fromkeys(job_id for job_id, _ in chain.from_iterable(found)))

    async def getWaiting(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Jobs that wait, the next one first; positions are inclusive, -1 is the last."""
        return await self.getJobs(["waiting"], start, end, True)

    async def getActive(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Jobs that run, the longest first; positions as in `getWaiting`."""
        return await self.getJobs(["active"], start, end, True)

    async def getDelayed(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Delayed jobs by due time; positions as in `getWaiting`."""
        return await self.getJobs(["delayed"], start, end, True)

    async def getPrioritized(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Jobs with a priority, the next one first; positions as in `getWaiting`."""
        return await self.getJobs(["prioritized"], start, end, True)

    async def getWaitingChildren(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Parents whose children are not done; positions as in `getWaiting`."""
        return await self.getJobs(["waiting-children"], start, end, True)

    async def getCompleted(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Completed jobs, the last one first; positions as in `getWaiting`."""
        return await self.getJobs(["completed"], start, end, False)

    async def getFailed(self, start: int = 0, end: int = -1) -> list[Job[Data, Result]]:
        """Failed jobs, the last one first; positions as in `getWaiting`."""
        return await self.getJobs(["failed"], start, end, False)

    async def getJobCounts(self, *types: str) -> dict[str, int]:
        """Jobs per type, keys as asked."""
        kinds = self.sanitizeJobTypes(types)
        counts = await count_all(await self.ledger())
        return {kind: counts.get(_ALIASES.get(kind, kind), 0) for kind in kinds}

    async def getJobCountByTypes(self, *types: str) -> int:
        """The sum over the types, each name counted once."""
        return sum((await self.getJobCounts(*types)).values())

    async def count(self) -> int:
        """Jobs that still have to run: waiting, delayed, prioritized, waiting for children."""
        return await self.getJobCountByTypes(
            "waiting", "delayed", "prioritized", "waiting-children"
        )

    async def getWaitingCount(self) -> int:
        """How many jobs wait without priority."""
        return await self.getJobCountByTypes("waiting")

    async def getActiveCount(self) -> int:
        """How many jobs run now."""
        return await self.getJobCountByTypes("active")

    async def getDelayedCount(self, timestamp: int | None = None) -> int:
        """Delayed jobs; with a `timestamp` (ms) those due before it."""
        delayed = await self.getJobCountByTypes("delayed")
        if timestamp is None:
            return delayed
        if type(timestamp) is not int:
            raise ConfigurationError("timestamp must be a safe integer in milliseconds")
        return await pages.count_due_before(await self.ledger(), delayed, timestamp)

    async def getPrioritizedCount(self) -> int:
        """How many jobs wait by their priority."""
        return await self.getJobCountByTypes("prioritized")

    async def getWaitingChildrenCount(self) -> int:
        """How many parents wait for children."""
        return await self.getJobCountByTypes("waiting-children")

    async def getCompletedCount(self) -> int:
        """How many completed jobs are kept."""
        return await self.getJobCountByTypes("completed")

    async def getFailedCount(self) -> int:
        """How many failed jobs are kept."""
        return await self.getJobCountByTypes("failed")

    async def getCountsPerPriority(self, priorities: Iterable[int]) -> dict[str, int]:
        """`{"p": n}`; 0 counts the jobs without priority."""
        asked = checks.numbers("priorities", priorities)
        store = await self.ledger()
        known = await counting.levels(store)

        async def count(priority: int) -> int:
            if not priority:
                return (await count_all(store))["waiting"]
            at = [n for n in (-priority, priority) if n in known and priority > 0]
            return sum(await store.wire.together(*(counting.count_waiting(store, n) for n in at)))

        priorities = [int(priority) for priority in dict.fromkeys(asked)]
        counts = await store.wire.together(*(count(priority) for priority in priorities))
        return {str(n): found for n, found in zip(priorities, counts, strict=True)}

    async def getJobLogs(
        self, job_id: str, start: int = 0, end: int = -1, asc: bool = True
    ) -> JobLogs:
        """`{"logs": [...], "count": total}`; newest first when not `asc`."""
        start, end = checks.position("start", start), checks.position("end", end)
        return await logs.read(await self.ledger(), str(job_id), start, end, asc)

    async def getDeduplicationJobId(self, id: str) -> str | None:
        """The job that owns the deduplication id, or None."""
        store = await self.ledger()
        key = await deduplication.read(store, str(id))
        if key is None or not await deduplication.counts(store, key):
            return None
        return key.owner

    async def getDebounceJobId(self, id: str) -> str | None:
        """v5's name for `getDeduplicationJobId`."""
        outdated("getDebounceJobId", "getDeduplicationJobId")
        return await self.getDeduplicationJobId(id)


__all__ = ["QueueGetters"]
