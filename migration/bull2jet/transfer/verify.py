"""Comparing both sides, job by job, independently of how the jobs were carried.

The source side is read again from the hashes that stay in Redis until `finalize`, and mapped by the
same pure functions that `run` uses; the target side is read from the stream. Once the target's
workers run, jobs live on there; then what ordinary use explains counts as moved on, and anything
else is still a difference.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bull2jet.canonical import Seal, differences, digest
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.idset import IdOrder, IdSet
from bull2jet.model import FINISHED, Job, State
from bull2jet.progress import Progress
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.doubles import doubles
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import HOLDERS, Holder, pages
from bull2jet.target.protocol import TargetQueue
from bull2jet.target.traces import Traces
from bull2jet.transfer.living import has_run, lived_on, released
from bull2jet.transfer.mapping import Mapper, arrived

#: states whose order both sides keep and whose jobs do not move by themselves
_ORDERED = (State.WAITING, State.PRIORITIZED, State.COMPLETED, State.FAILED)
_LISTED = (*_ORDERED, State.DELAYED, State.WAITING_CHILDREN)


@dataclass(slots=True)
class Comparison:
    """What the comparison of one state gave."""

    source: Seal = field(default_factory=Seal)
    target: Seal = field(default_factory=Seal)
    equal: int = 0
    moved_on: int = 0
    different: int = 0
    missing: int = 0
    bytes: int = 0
    largest: int = 0
    in_order: bool | None = None


@dataclass(slots=True)
class Verifier:
    """Compares the taken-over jobs of one queue."""

    door: Door
    found: QueueFound
    target: TargetQueue
    mapper: Mapper
    findings: Findings
    progress: Progress
    #: the target's workers have been let go since; jobs may have moved on
    live: bool = False
    #: how many jobs of each state a run has found equal; so many must still be listed
    expected: Mapping[str, int] = field(default_factory=dict)
    #: where the target's event log must begin at the latest to be whole, 0 if that is not known
    events_from: int = 0
    #: when (ms) the migration began
    began: int = 0
    #: these jobs came after the end: Redis no longer lists those that were carried before
    late: bool = False
    #: where the target's records of jobs and of log rows ended when its workers were let go
    stored_until: int = 0
    logged_until: int = 0
    #: by the state the jobs had in Redis
    states: dict[State, Comparison] = field(default_factory=dict)
    #: by the state they have on the target and by where they stood in Redis: what comes later, from
    #: there or from the active jobs, lines up behind
    _orders: dict[tuple[State, str], IdOrder] = field(default_factory=dict)
    _listed: IdSet = field(default_factory=IdSet)
    _sizes: Counter[State] = field(default_factory=Counter)
    _traces: Traces = field(default_factory=Traces)

    @property
    def clean(self) -> bool:
        """Whether nothing differs and nothing is missing."""
        return not any(
            c.different or c.missing or c.in_order is False for c in self.states.values()
        )

    async def verify(self) -> None:
        """Compares every job that was taken over, then their order."""
        keys = QueueKeys(self.found.queue)
        if self.live:
            self._traces = await self.target.traces(self.events_from)
        for holder in HOLDERS:
            mirror = holder.mirror
            total = int(await self.door.call(mirror.counting, keys(mirror.suffix)))
            self._sizes[holder.state] += total
            if total:
                self.progress.begin(self.found.queue.key, f"verify {holder.suffix}", total)
                await self._compare_holder(keys, holder.mirror)
                await self._uncount_doubles(keys, holder.mirror)
        self._listed.close()
        unlisted: dict[str, State] = {}
        read = sum(comparison.source.count for comparison in self.states.values())
        self.progress.begin(self.found.queue.key, "verify order", read)
        for state in _LISTED:
            unlisted |= dict.fromkeys(await self._compare_listing(state), state)
        self._count_unlisted(await self._name_unlisted(keys, unlisted))

    def certificate(self) -> dict[str, Any]:
        """What the checkpoint keeps of a clean comparison."""
        return {
            "at": int(time.time() * 1000),
            "states": {
                state.value: {"count": c.source.count, "digest": c.source.content}
                for state, c in self.states.items()
            },
        }

    async def _compare_holder(self, keys: QueueKeys, holder: Holder) -> None:
        comparison = self.states.setdefault(holder.state, Comparison())
        loader = JobLoader(self.door, self.found.queue, self.found.generation)
        async for listings in pages(self.door, keys, holder):
            async for loaded in loader.load(holder, listings):
                self.findings.extend(
                    f for f in loaded.findings if f.severity is not Severity.CHANGED
                )
                comparison.different += loaded.damaged  # none was when it was taken over
                self._listed.add(row.id for row in loaded.passed)
                jobs = [self.mapper.job(job) for job in loaded.jobs]
                copies = await self.target.read([job.id for job in jobs])
                anew = await self._made_anew(jobs, copies)
                for job in jobs:
                    copy = copies.get(job.id)
                    lives_on = self.live and not await self._forgets_a_child(job, copy)
                    self._compare(comparison, job, copy, holder.suffix, lives_on, job.id in anew)
                self.progress.advance(len(jobs), sum(job.size for job in jobs))

    async def _uncount_doubles(self, keys: QueueKeys, holder: Holder) -> None:
        """A job that Redis' list names twice is one job."""
        comparison = self.states[holder.state]
        for double in await doubles(self.door, keys, [holder]):
            comparison.equal = max(0, comparison.equal - double.times + 1)
            text = f"listed {double.times} times among the jobs that were taken over; it is one."
            self._tell(double.id, "listed-twice", text, Severity.NOTE)

    async def _made_anew(self, jobs: Sequence[Job], copies: Mapping[str, Job]) -> set[str]:
        """Jobs for schedulers' next slots that were made again when the schedulers were stored,
        on either side, as many programs do at each start."""
        repeated = [
            job
            for job in jobs
            if self.live
            and job.repeatJobKey is not None
            and job.id in copies
            and copies[job.id].repeatJobKey == job.repeatJobKey
        ]
        in_redis = {job.id for job in repeated if job.timestamp > self.began}
        ids = [job.id for job in repeated]
        return in_redis | (set(ids) - await self.target.carried_by_us(ids))

    async def _forgets_a_child(self, job: Job, copy: Job | None) -> bool:
        """Whether the parent no longer waits for a child of this queue that has not begun yet."""
        if copy is None or copy.family.pending == job.family.pending:
            return False
        after = copy.family
        root = f"{self.found.queue.key}:"
        told = {*after.pending, *after.processed, *after.failed, *after.unsuccessful}
        gone = [key for key in job.family.pending if key not in told and key.startswith(root)]
        children = await self.target.read([key.removeprefix(root) for key in gone])
        return any(
            child.parentKey == root + job.id
            and child.attemptsStarted == 0
            and child.state not in FINISHED
            for child in children.values()
        )

    def _compare(
        self,
        comparison: Comparison,
        job: Job,
        copy: Job | None,
        line: str,
        lives_on: bool,
        made_anew: bool,
    ) -> None:
        self._listed.add([job.id])
        wanted = digest(job)
        comparison.source.add(job.id, wanted)
        comparison.bytes += job.size
        comparison.largest = max(comparison.largest, job.size)
        if copy is None:
            self._missing(job, comparison)
            return
        there = digest(copy)
        comparison.target.add(job.id, there)
        if copy.state is job.state and not has_run(job, copy):
            self._orders.setdefault((job.state, line), IdOrder()).add(job.id)
        fields = [] if wanted == there else self._differing(job, copy)
        if not fields:
            comparison.equal += 1
        elif (
            made_anew
            or released(job, fields)
            or (lives_on and self._has_lived_on(job, copy, fields))
        ):
            comparison.moved_on += 1
        else:
            comparison.different += 1
            text = f"the job differs in {', '.join(fields)}."
            if copy.unreadable:
                text = f"the target holds what cannot be read in its place ({copy.unreadable})."
            self._tell(job.id, "different", text)

    def _has_lived_on(self, job: Job, copy: Job, fields: Sequence[str]) -> bool:
        touched = not self._is_untouched(job, copy, fields)
        return touched and lived_on(job, copy, fields, self._ran_again)

    def _is_untouched(self, job: Job, copy: Job, fields: Sequence[str]) -> bool:
        """Whether all that differs was stored before the workers were let go: then Redis has
        changed. Progress is kept apart, and a child that is removed leaves no trace.
        """
        changed = set(fields) - {"progress", "logs"}
        if set(copy.family.pending) < set(job.family.pending):
            changed.discard("pending")
        if changed and copy.stored <= self.stored_until:
            return True
        more = len(copy.logs) > len(job.logs)
        return "logs" in fields and more and copy.logged <= self.logged_until

    def _ran_again(self, child: str) -> bool:
        """Whether a child, by its full key, may have run since; another queue's events are not
        read."""
        root = f"{self.found.queue.key}:"
        own = child.startswith(root)
        return not own or self._traces.explain(child.removeprefix(root), finished=False)

    def _differing(self, job: Job, copy: Job) -> list[str]:
        """Fields that differ, however far the job has come by the mere passing of time."""
        by_now = arrived(job, self.target.now())
        return min(differences(job, copy), differences(by_now, copy), key=len)

    def _missing(self, job: Job, comparison: Comparison) -> None:
        if self.live and self._traces.explain(job.id, finished=job.state in FINISHED):
            comparison.moved_on += 1
            text = "was on the target when the run compared it and has been removed since."
            self._tell(job.id, "gone-since", text, Severity.NOTE)
            return
        comparison.missing += 1
        trace = ", and no event on the target tells why" if self.live else ""
        self._tell(job.id, "missing", f"the job is not on the target{trace}.")

    async def _compare_listing(self, state: State) -> list[str]:
        """Holds the target's list against the source's order; ids the source does not list."""
        orders = [order for (where, _), order in self._orders.items() if where is state]
        if state not in _ORDERED:
            orders = []
        for order in orders:
            order.close()
        in_order = True
        unlisted: list[str] = []
        async for ids in self.target.listing(state):
            in_order = all(order.follows(ids) for order in orders) and in_order
            unlisted += await self._unlisted(ids)
            self.progress.advance(len(ids), 0)
        if orders:
            self.states.setdefault(state, Comparison()).in_order = in_order
        if not in_order:
            text = f"the {state} jobs stand in another order on the target than in Redis."
            self._tell("", "order", text)
        return unlisted

    async def _unlisted(self, ids: Sequence[str]) -> list[str]:
        """Those of the target's jobs that we carried and that Redis does not list as such."""
        strange = [i for i in ids if i not in self._listed] if not self.late else []
        ours = await self.target.carried_by_us(strange) if strange else set()
        return [job_id for job_id in strange if job_id in ours]

    async def _name_unlisted(self, keys: QueueKeys, unlisted: dict[str, State]) -> int:
        """Names them, unless a bridge has carried them just now; how many they are.

        Before the target's workers are let go, a copy may stand there of what Redis still owns.
        """
        left = dict(unlisted)
        for holder in HOLDERS if left else ():
            for place in (holder.inflight, holder.mirror, *(() if self.live else (holder,))):
                async for listings in pages(self.door, keys, place):
                    for row in listings:
                        left.pop(row.id, None)
        for job_id, state in sorted(left.items()):
            self.states.setdefault(state, Comparison()).different += 1
            text = "the job was carried to the target, but Redis no longer lists it as carried."
            self._tell(job_id, "unlisted", text)
        return len(left)

    def _count_unlisted(self, named: int) -> None:
        """Tells of jobs that neither side lists any more: nothing else would miss them."""
        for name, wanted in self.expected.items():
            state = State(name)
            lost = max(0, wanted - self._sizes[state])
            told = min(lost, named)
            named -= told
            if lost > told:
                self.states.setdefault(state, Comparison()).missing += lost - told
                text = (
                    f"{wanted:,} {state} jobs were carried and compared; neither Redis' list of "
                    f"them nor the target holds {lost - told:,} of them."
                )
                self._tell("", "unlisted", text)

    def _tell(self, job_id: str, code: str, text: str, severity: Severity = Severity.LEFT) -> None:
        self.findings.add(Finding(severity, code, text, self.found.queue.key, job_id))


__all__ = ["Comparison", "Verifier"]
