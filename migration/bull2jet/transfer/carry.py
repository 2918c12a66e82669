"""Carrying one frozen queue: batches are stored on the target, then taken over in Redis.

The order of the two steps is what makes a kill harmless. Before the take-over Redis owns the job
and the copy is only a copy, which the next run finds and compares; after it the copy owns. The
target's workers are held back meanwhile, so no copy runs before it owns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bull2jet.canonical import differences
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import FINISHED, Job, State
from bull2jet.progress import Progress
from bull2jet.source.booking import booked
from bull2jet.source.discovery import QueueFound, current_types
from bull2jet.source.door import Door
from bull2jet.source.doubles import doubles
from bull2jet.source.handover import Handover
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listed import Listing
from bull2jet.source.listing import (
    Holder,
    page,
    usable,
)
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.draining import still_active
from bull2jet.transfer.mapping import Mapper, arrived
from bull2jet.transfer.renumbering import renumber


@dataclass(slots=True)
class Tally:
    """What happened to the jobs of one state."""

    #: stored on the target by this run
    carried: int = 0
    #: stored by an earlier run that was broken off before the take-over
    already: int = 0
    left: int = 0
    bytes: int = 0
    largest: int = 0

    @property
    def taken(self) -> int:
        """How many jobs were taken from the source."""
        return self.carried + self.already


@dataclass(slots=True)
class Limits:
    """How much is carried."""

    states: tuple[State, ...] = ()
    #: newest finished jobs per state, None for all
    history: int | None = None
    #: jobs per state, None for all
    count: int | None = None


@dataclass(slots=True)
class Carrier:
    """Carries the jobs of one queue."""

    door: Door
    found: QueueFound
    target: TargetQueue
    handover: Handover
    mapper: Mapper
    findings: Findings
    progress: Progress
    limits: Limits = field(default_factory=Limits)
    tallies: dict[State, Tally] = field(default_factory=dict)
    #: whether any job has a parent or children
    has_flows: bool = False
    #: new programs have added jobs with ids that are also Redis'
    _meets_others: bool = False
    _keys: QueueKeys = field(init=False)
    _loader: JobLoader = field(init=False)

    def __post_init__(self) -> None:
        self._keys = QueueKeys(self.found.queue)
        self._loader = JobLoader(self.door, self.found.queue, self.found.generation)

    async def carry(self) -> None:
        """Carries until a whole pass finds nothing more to take over.

        More than one pass is needed when an old program changes the queue meanwhile: a job may
        move from one collection to another behind the pass.
        """
        await self._once_each()
        while await self._pass():
            continue

    @property
    def complete(self) -> bool:
        """Whether the limits let every job through."""
        return not self.limits.states and self.limits.count is None

    async def _once_each(self) -> None:
        """Strikes ids out that the lists name more than once, for a job stands in one place.

        The first in line stays; one that is active as well as waiting is active, one that waits
        in `paused` as well as in `wait` stands in `paused`.
        """
        queue = self.found.queue
        for double in await doubles(
            self.door, self._keys, usable(await current_types(self.door, queue))
        ):
            first = double.first
            if double.times > 1 and await self.handover.strike(first, double.id, double.times - 1):
                self.findings.add(double.repeated(queue))
            for other in double.others:
                if await self.handover.strike(other, double.id, as_in=first.suffix):
                    self.findings.add(double.elsewhere(queue, other))

    async def _pass(self) -> int:
        types = await current_types(self.door, self.found.queue)
        moved = 0
        for tally in self.tallies.values():
            tally.left = 0
        for holder in usable(types, self.limits.states or None):
            moved += await self._carry_holder(holder)
        return moved

    async def _carry_holder(self, holder: Holder) -> int:
        tally = self.tallies.setdefault(holder.state, Tally())
        total = await self._size(holder)
        offset = 0
        if holder.state in FINISHED and self.limits.history is not None:
            wanted = self.limits.history - await self._size(holder.mirror)
            offset = max(0, total - max(0, wanted))  # the newest are at the end
            self._leave_history(holder, offset, tally)
        self.progress.begin(self.found.queue.key, holder.suffix, total - offset)
        moved = 0
        while True:
            size = self.door.pace.size
            if self.limits.count is not None:
                size = min(size, max(0, self.limits.count - tally.taken))
            listings = await page(self.door, self._keys, holder, offset, size) if size else []
            if not listings:
                return moved
            taken, stayed = await self._carry_page(holder, listings, tally)
            moved += taken
            offset += stayed

    def _leave_history(self, holder: Holder, number: int, tally: Tally) -> None:
        tally.left += number
        if number:
            text = f"{number:,} {holder.state} jobs stay in Redis, as --history says."
            queue = self.found.queue.key
            self.findings.add(Finding(Severity.NOTE, "history", text, queue))

    async def _size(self, holder: Holder) -> int:
        return int(await self.door.call(holder.counting, self._keys(holder.suffix)))

    async def _carry_page(
        self, holder: Holder, listings: Sequence[Listing], tally: Tally
    ) -> tuple[int, int]:
        """How many were taken over, and how many stay in the collection."""
        started = time.monotonic()
        taken = stayed = 0
        async for loaded in self._loader.load(holder, listings):
            self.findings.extend(loaded.findings)
            self.findings.extend(self.mapper.notes(loaded.jobs))
            jobs = self._carriable(loaded.jobs)
            already = tally.already
            stored = await self._store(holder, jobs, tally)
            # Before the take-over, so that a kill in between leaves no parent untold.
            await self.target.tell_parents(await booked(self.door, self.found.queue, stored))
            lost = set(await self.handover.claim(holder, [job.id for job in stored]))
            if lost:  # an old worker was quicker: what it has taken is not ours to run
                await self.target.remove([job.id for job in stored if job.id in lost])
            kept = [job for job in stored if job.id not in lost]
            self.has_flows = self.has_flows or any(job.parent or job.family for job in kept)
            taken += len(kept)
            stayed += len(loaded.jobs) - len(stored) + len(loaded.passed)
            for job_id, where in loaded.elsewhere.items():
                stayed -= await self.handover.strike(holder, job_id, as_in=where) > 0
            tally.left += len(loaded.jobs) - len(stored)
            tally.left += loaded.damaged
            payload = sum(job.size for job in kept)
            tally.carried += len(kept) - (tally.already - already)
            tally.bytes += payload
            tally.largest = max([tally.largest, *(job.size for job in kept)])
            self.progress.advance(len(kept), payload)
        await self.door.pace.breathe(taken, time.monotonic() - started)
        return taken, stayed

    def _carriable(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs as the target keeps them, without those that nobody may take over."""
        chosen = []
        for job in jobs:
            if job.locked:
                self.findings.add(still_active(self.found.queue, job.id))
                continue
            mapped = self.mapper.job(job)
            refusal = self.target.refusal(mapped)
            if refusal is not None:
                self._leave(job, "refused", f"the target cannot hold it: {refusal}.")
                continue
            chosen.append(mapped)
        return chosen

    async def _store(self, holder: Holder, jobs: Sequence[Job], tally: Tally) -> list[Job]:
        """Stores the jobs; those that stand on the target afterwards, as carried by us."""
        now = self.target.now()
        mine = [arrived(job, now) for job in jobs]
        while mine:
            if self._meets_others:
                mine = await self._with_free_ids(holder, mine)
            fresh = await self.target.add(mine)
            known = [job for job, is_new in zip(mine, fresh, strict=True) if not is_new]
            ours = await self.target.carried_by_us([job.id for job in known])
            if len(ours) == len(known) and await self._as_wanted(holder, mine, known):
                tally.already += len(known)
                break
            # Another job has one of the ids: all once more, so that none stands out of order.
            self._meets_others = True
            await self.target.remove(list(await self.target.carried_by_us([j.id for j in mine])))
        return mine

    async def _with_free_ids(self, holder: Holder, jobs: Sequence[Job]) -> list[Job]:
        """The jobs, with new ids where another job on the target has theirs."""
        ids = [job.id for job in jobs]
        copies = await self.target.read(ids)
        foreign = copies.keys() - (await self.target.carried_by_us(list(copies)))
        others = [job for job in jobs if job.id in foreign]
        anew = await renumber(self.door, self.handover, holder, others, self.findings)
        for job in others:
            if job.id not in anew:
                self._leave(
                    job, "id-taken", "the target has another job with this id, not carried by us."
                )
        free = [job for job in jobs if job.id not in foreign or job.id in anew]
        return [anew.get(job.id, job) for job in free]

    async def _as_wanted(self, holder: Holder, jobs: Sequence[Job], known: Sequence[Job]) -> bool:
        """Whether the copies say what they should, in order; else once more, as far as possible.

        `known` are those that a run that was broken off has left: they may be out of date, or stand
        in front of the others.
        """
        copies = await self.target.read([job.id for job in known])
        changed = any(differences(job, copies[job.id]) for job in known if job.id in copies)
        if changed or (holder.is_list and 0 < len(known) < len(jobs)):
            return all(await self.target.replace(jobs))
        return True

    def _leave(self, job: Job, code: str, text: str) -> None:
        self.findings.add(
            Finding(Severity.LEFT, code, f"not carried: {text}", self.found.queue.key, job.id)
        )


__all__ = ["Carrier", "Limits", "Tally"]
