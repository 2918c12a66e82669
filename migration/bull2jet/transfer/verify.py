"""Comparing both sides, job by job, independently of how the jobs were carried.

The source side is read again from the hashes that stay in Redis until `finalize`, and mapped by the
same pure functions that `run` uses; the target side is read from the stream.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bull2jet.canonical import Seal, differences, digest, given_part
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import Job, State
from bull2jet.progress import Progress
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import HOLDERS, Holder, pages
from bull2jet.source.orphans import IdSet
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.mapping import Mapper, arrived

#: states whose order both sides keep and whose jobs do not move by themselves
_ORDERED = (State.WAITING, State.PRIORITIZED, State.COMPLETED, State.FAILED)


@dataclass(slots=True)
class Comparison:
    """What the comparison of one state gave."""

    source: Seal = field(default_factory=Seal)
    equal: int = 0
    moved_on: int = 0
    different: int = 0
    missing: int = 0
    bytes: int = 0
    largest: int = 0
    in_order: bool | None = None


@dataclass(slots=True)
class _Order:
    """The order in which jobs are to stand on the target."""

    seal: Seal = field(default_factory=Seal)
    ids: IdSet = field(default_factory=IdSet)


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
    #: by the state the jobs had in Redis
    states: dict[State, Comparison] = field(default_factory=dict)
    #: by the state they have on the target
    _orders: dict[State, _Order] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing differs and nothing is missing."""
        return not any(
            c.different or c.missing or c.in_order is False for c in self.states.values()
        )

    async def verify(self) -> None:
        """Compares every job that was taken over, then their order."""
        keys = QueueKeys(self.found.queue)
        for holder in HOLDERS:
            verb = "LLEN" if holder.is_list else "ZCARD"
            total = int(await self.door.call(verb, keys(holder.mirror.suffix)))
            if total:
                self.progress.begin(self.found.queue.key, f"verify {holder.suffix}", total)
                await self._compare_holder(keys, holder.mirror)
        if not self.live:
            for state in _ORDERED:
                if state in self._orders:
                    await self._compare_order(state, self._orders[state])

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
        loader = JobLoader(self.door, self.found.queue, self.found.generation)
        async for listings in pages(self.door, keys, holder):
            async for loaded in loader.load(holder, listings):
                self.findings.extend(
                    f for f in loaded.findings if f.severity is not Severity.CHANGED
                )
                jobs = [self.mapper.job(job) for job in loaded.jobs]
                copies = await self.target.read([job.id for job in jobs])
                self._compare(self.states.setdefault(holder.state, Comparison()), jobs, copies)
                self.progress.advance(len(jobs), sum(job.size for job in jobs))

    def _compare(self, comparison: Comparison, jobs: Sequence[Job], copies: dict[str, Job]) -> None:
        now = int(time.time() * 1000)
        for job in jobs:
            comparison.source.add(job.id, digest(job))
            order = self._orders.setdefault(job.state, _Order())
            order.seal.add_to_order([job.id])
            order.ids.add([job.id])
            comparison.bytes += job.size
            comparison.largest = max(comparison.largest, job.size)
            copy = copies.get(job.id)
            if copy is None:
                self._missing(job, comparison)
                continue
            fields = differences(job, copy)
            if fields:
                fields = min(fields, differences(arrived(job, now), copy), key=len)
            if not fields:
                comparison.equal += 1
            elif self.live and self._may_have_moved(job, fields):
                comparison.moved_on += 1
            else:
                comparison.different += 1
                self._tell(job, "different", f"differs in {', '.join(fields)}.")

    def _may_have_moved(self, job: Job, fields: Sequence[str]) -> bool:
        """Jobs live on at the target; only data may change of what was given (`updateData`)."""
        given = given_part(job).keys() - {"data"}
        return not given & set(fields)

    def _missing(self, job: Job, comparison: Comparison) -> None:
        if not self.live:
            comparison.missing += 1
            self._tell(job, "missing", "is not on the target.")
            return
        comparison.moved_on += 1
        self.findings.add(
            Finding(
                Severity.NOTE,
                "gone-since",
                "was on the target when the run verified it and has been removed since.",
                self.found.queue.key,
                job.id,
            )
        )

    def _tell(self, job: Job, code: str, text: str) -> None:
        self.findings.add(
            Finding(Severity.LEFT, code, f"the job {text}", self.found.queue.key, job.id)
        )

    async def _compare_order(self, state: State, order: _Order) -> None:
        """Whether the target lists the carried jobs in the order Redis had them."""
        order.ids.close()
        target = Seal()
        async for page in self.target.listing(state):
            target.add_to_order(job_id for job_id in page if job_id in order.ids)
        comparison = self.states.setdefault(state, Comparison())
        comparison.in_order = target.order == order.seal.order
        if not comparison.in_order:
            self.findings.add(
                Finding(
                    Severity.LEFT,
                    "order",
                    f"the {state} jobs stand in another order on the target than in Redis.",
                    self.found.queue.key,
                )
            )


__all__ = ["Comparison", "Verifier"]
