"""Carrying what stands in Redis of a live queue, whoever put it there and however late.

Here the target's workers run, so a copy must not exist while an old worker could still take the
original. The order is therefore the other way round than in `carry`: a job is first reserved (moved
out of reach in Redis, by one atomic step), then stored on the target, then noted as taken over. A
kill in between leaves it reserved, and the next sweep finishes what was begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redis.exceptions import ResponseError

from bull2jet.canonical import same_given
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import FINISHED, Job, Settings, State
from bull2jet.source.booking import awaiting_parent, booked
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listed import Listing
from bull2jet.source.listing import HOLDERS, Holder, holders, page
from bull2jet.source.settings import read_settings
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.mapping import Mapper, arrived
from bull2jet.transfer.queue_wide import carry_deduplication_of, carry_schedulers
from bull2jet.transfer.renumbering import renumber

_APART = 1_000_000  # generated ids between those of the two sides


@dataclass(slots=True)
class Sweeper:
    """Carries what stands in Redis of one live queue."""

    door: Door
    found: QueueFound
    target: TargetQueue
    handover: Handover
    mapper: Mapper
    findings: Findings
    #: jobs that finished before this moment (ms) stay in Redis
    oldest_finished: int = 0
    #: keys of the queues that are swept together
    together: frozenset[str] = frozenset()
    carried: dict[State, int] = field(default_factory=dict)
    #: children were left for the next round, since their parents come first
    postponed: bool = False
    _skipped: set[tuple[str, str]] = field(default_factory=set)

    async def sweep(self) -> int:
        """One round over all collections; how many jobs were carried."""
        carried = 0
        self.postponed = False
        for holder in await self._with_ids():
            carried += await self._finish_reserved(holder)
            carried += await self._sweep_holder(holder)
        if carried:
            await self._sweep_queue_wide()
        return carried

    async def _with_ids(self) -> list[Holder]:
        """The collections that hold any ids, by one question: a bridge asks every second."""
        all_of_them = holders(self.found.generation.finished_in_sets)
        keys = QueueKeys(self.found.queue)
        commands = [
            ("EXISTS", keys(holder.suffix), keys(holder.inflight.suffix)) for holder in all_of_them
        ]
        there = await self.door.calls(commands)
        return [holder for holder, number in zip(all_of_them, there, strict=True) if number]

    async def finish_reserved(self) -> None:
        """Carries what a sweep that was broken off has reserved, and nothing else."""
        for holder in holders(self.found.generation.finished_in_sets):
            await self._finish_reserved(holder)

    async def sweep_parents(self) -> int:
        """Carries the parents only; before the other queues that hold their children are swept."""
        return await self._sweep_holder(HOLDERS[0])

    async def _sweep_queue_wide(self) -> None:
        await self.keep_apart()
        queue = self.found.queue
        await carry_schedulers(
            self.door, queue, self.target, self.handover, self.mapper, self.findings, live=True
        )

    async def _finish_reserved(self, holder: Holder) -> int:
        """Stores jobs that were reserved by a bridge that did not live to store them."""
        done = 0
        while listings := await self._page(holder.inflight, 0):
            carried = await self._store(holder, listings)
            done += carried
            if not carried:
                return done
        return done

    async def _sweep_holder(self, holder: Holder) -> int:
        done = 0
        offset = await self._too_old(holder)
        while listings := await self._page(holder, offset):
            ids = await self._movable(holder, listings)
            gone = set(await self.handover.reserve(holder, ids))
            reserved = [row for row in listings if row.id in ids and row.id not in gone]
            done += await self._store(holder, reserved)
            offset += len(listings) - len(ids)
        return done

    async def _too_old(self, holder: Holder) -> int:
        """How many finished jobs, which stand first, the operator chose not to carry."""
        if holder.state not in FINISHED or not self.oldest_finished:
            return 0
        key = QueueKeys(self.found.queue)(holder.suffix)
        (count,) = await self.door.calls([("ZCOUNT", key, "-inf", f"({self.oldest_finished}")])
        return count if isinstance(count, int) else 0

    async def _page(self, holder: Holder, offset: int) -> list[Listing]:
        try:
            return await page(
                self.door, QueueKeys(self.found.queue), holder, offset, self.door.pace.size
            )
        except ResponseError:  # a key of another type; `inspect` names it
            return []

    async def _movable(self, holder: Holder, listings: Sequence[Listing]) -> list[str]:
        """Ids of jobs that can be carried; what is wrong with the others is told once."""
        fresh = [row for row in listings if (holder.suffix, row.id) not in self._skipped]
        movable: list[str] = []
        async for loaded in self._loader().load(holder, fresh):
            self._skipped.update((holder.suffix, listing.id) for listing in loaded.passed)
            self.findings.extend(loaded.findings)
            early = await awaiting_parent(self.door, loaded.jobs, self.together)
            self.postponed = self.postponed or bool(early)
            for job in loaded.jobs:
                problem = None if job.locked else self.target.refusal(self.mapper.job(job))
                if problem is not None:
                    self._skipped.add((holder.suffix, job.id))
                    self._leave(job, "refused", f"the target cannot hold it: {problem}.")
                elif not job.locked and job.id not in early:
                    movable.append(job.id)
        return movable

    async def _store(self, holder: Holder, listings: Sequence[Listing]) -> int:
        """Stores reserved jobs and notes them as taken over."""
        done = 0
        async for loaded in self._loader().load(holder.inflight, listings):
            now = self.target.now()
            jobs = [_new(arrived(self.mapper.job(job), now)) for job in loaded.jobs]
            needless = await self._needless(jobs)
            jobs = [job for job in jobs if job not in needless]
            jobs, refused = await self._place(holder, jobs)
            await self.handover.refuse(holder, [job.id for job in (*needless, *refused)])
            await carry_deduplication_of(
                self.door, self.found.queue, jobs, self.target, self.findings
            )
            await self.target.tell_parents(await booked(self.door, self.found.queue, jobs))
            await self.handover.settle(holder, [job.id for job in jobs])
            for job in jobs:
                self.carried[job.state] = self.carried.get(job.state, 0) + 1
            done += len(jobs)
        return done

    async def _place(self, holder: Holder, jobs: list[Job]) -> tuple[list[Job], list[Job]]:
        """Those that stand on the target, stored now or before, and those that never will.

        Looked for first, so that those with new ids keep their places in the line; again where
        somebody was quicker.
        """
        refused: list[Job] = []
        unsure = jobs
        for _ in range(2):
            rivals = await self._rivals(unsure)
            anew = await renumber(self.door, self.handover, holder.inflight, rivals, self.findings)
            for job in rivals:
                if job.id not in anew:
                    refused.append(job)
                    text = "another job has its id, as BullMQ would also find."
                    self._leave(job, "id-taken", text)
            jobs = [anew.get(job.id, job) for job in jobs if job not in refused]
            fresh = await self.target.add(jobs)
            unsure = [job for job, is_new in zip(jobs, fresh, strict=True) if not is_new]
        return jobs, refused

    async def _needless(self, jobs: Sequence[Job]) -> list[Job]:
        """Jobs for the next slots of schedulers that have gone on to the target with theirs.

        An old program makes them when it declares its schedulers again, as many do at each start.
        """
        first = [job for job in jobs if job.repeatJobKey and not job.attemptsStarted]
        if not first:
            return []
        slots = {scheduler.id: scheduler.pendingId for scheduler in await self.target.schedulers()}
        wanted = {slots.get(str(job.repeatJobKey)) for job in first}
        there = await self.target.read([job_id for job_id in wanted if job_id])
        needless = []
        for job in first:
            own = there.get(slots.get(str(job.repeatJobKey)) or "")
            if own is None or own.state in FINISHED or same_given(job, own):
                continue
            needless.append(job)
            text = f"the scheduler {job.repeatJobKey!r} has its next job on the target already."
            self._leave(job, "scheduler-again", text, Severity.NOTE)
        return needless

    async def _rivals(self, known: Sequence[Job]) -> list[Job]:
        """Those whose id another job has; the rest are ours from a sweep that was broken off."""
        if not known:
            return []
        copies = await self.target.read([job.id for job in known])
        ours = await self.target.carried_by_us([job.id for job in known])
        rivals = []
        for job in known:
            copy = copies.get(job.id)
            if copy is not None and not (job.id in ours and same_given(job, copy)):
                rivals.append(job)
        return rivals

    async def keep_apart(self) -> None:
        """Lets the target count far ahead, while old producers still count up in Redis."""
        settings = await read_settings(self.door, self.found.queue)
        there = (await self.target.settings()).counter
        if there < settings.counter + _APART // 2:
            ahead = Settings(counter=settings.counter + _APART)
            await self.target.put_settings(ahead)

    def _loader(self) -> JobLoader:
        return JobLoader(self.door, self.found.queue, self.found.generation)

    def _leave(self, job: Job, code: str, text: str, severity: Severity = Severity.LEFT) -> None:
        self.findings.add(
            Finding(severity, code, f"not carried: {text}", self.found.queue.key, job.id)
        )


def _new(job: Job) -> Job:
    """A late job as if it had been added on the target.

    Bull and BullMQ up to 3 put a priority into effect by a place in the list. Jobs that were
    carried together keep that order; a late one gets its place from its priority.
    """
    late = job.state is State.WAITING and job.priority > 0
    return replace(job, state=State.PRIORITIZED) if late else job


__all__ = ["Sweeper"]
