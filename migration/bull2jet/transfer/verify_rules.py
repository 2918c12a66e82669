"""Comparing what belongs to the queue as a whole: schedulers, limits, counter, deduplication."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from bull2jet.canonical import canonical, plain, same_given
from bull2jet.errors import TargetError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import FINISHED, Deduplication, Job, QueueRef, Scheduler, Settings, State
from bull2jet.source.deduplication import read_deduplication
from bull2jet.source.door import Door
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.settings import read_settings
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.mapping import Mapper
from bull2jet.transfer.queue_wide import (
    all_schedulers,
    as_carried,
    refused_scheduler,
    same_rule,
)

_AT_ONCE = 200  # jobs
#: times left that are this close count as the same: both sides count down while they are read
_CLOSE_MS = 60_000


@dataclass(slots=True)
class RuleCheck:
    """Compares the rules of one queue; `wrong` counts the differences, each is a finding."""

    door: Door
    queue: QueueRef
    target: TargetQueue
    mapper: Mapper
    #: the keys of deduplication ids
    index: KeyIndex
    findings: Findings
    #: the target's workers have been let go since: schedulers go on, limits may be set anew
    live: bool
    #: what the counter in Redis has been carried at; old producers may have counted on since
    counter: int | None = None
    wrong: int = 0

    async def check(self) -> None:
        """Compares everything."""
        for part in (self._check_schedulers, self._check_settings, self._check_deduplication):
            try:
                await part()
            except TargetError as unreadable:
                self._wrong(str(unreadable))

    async def _check_schedulers(self) -> None:
        known = {scheduler.id: scheduler for scheduler in await self.target.schedulers()}
        source = await all_schedulers(self.door, self.queue)
        self.findings.extend(f for f in source.findings if f.severity is Severity.LEFT)
        if not self.live:
            self._name_others(known, {scheduler.id for scheduler in source.schedulers})
        mapped = self.mapper.schedulers(source.schedulers)
        waiting = await self._still_waiting(mapped) if self.live else set()
        for wanted in mapped:
            problem = self.target.refused_rule(wanted)
            if problem is not None:
                self.findings.add(refused_scheduler(self.queue, wanted, problem))
            elif wanted.id in known:
                await self._check_scheduler(wanted, known[wanted.id], wanted.pendingId in waiting)
            elif wanted.pendingId in waiting:
                text = f"the scheduler {wanted.id!r} is not on the target, but its next job is."
                self._wrong(text)
            else:
                self._changed(f"the scheduler {wanted.id!r} is not on the target.")

    async def _check_scheduler(self, wanted: Scheduler, copy: Scheduler, waits: bool) -> None:
        """Compares one scheduler with its copy; `waits`: its next job is delayed there yet."""
        if waits and copy.next != wanted.next:
            self._wrong(f"the scheduler {wanted.id!r} stands at another slot than its job.")
        elif not same_rule(copy, wanted) or _template(copy) != _template(wanted):
            tell = self._wrong if waits else self._changed
            tell(f"the scheduler {wanted.id!r} has another rule on the target.")
        elif copy.next < wanted.next or copy.iterationCount < wanted.iterationCount:
            stored_again = self.live and await self._has_job_of_its_own(copy)
            tell = self._changed if stored_again else self._wrong
            tell(f"the scheduler {wanted.id!r} stands at an earlier slot.")
        elif copy.next > wanted.next and not self.live:
            self._wrong(f"the scheduler {wanted.id!r} stands at a later slot.")
        elif copy.iterationCount > wanted.iterationCount and not self.live:
            self._wrong(f"the scheduler {wanted.id!r} has counted more iterations.")

    def _name_others(self, known: Iterable[str], carried: Collection[str]) -> None:
        """New programs may have stored schedulers of their own before the run."""
        for scheduler_id in known:
            if scheduler_id not in carried:
                text = f"the scheduler {scheduler_id!r} is on the target only."
                self._tell(Severity.NOTE, text)

    async def _still_waiting(self, schedulers: Sequence[Scheduler]) -> set[str]:
        """Carried jobs for next slots that are delayed yet: who removes a scheduler, or stores
        another rule, removes that job as well."""
        pending = [rule.pendingId for rule in schedulers if rule.pendingId is not None]
        waiting: set[str] = set()
        for start in range(0, len(pending), _AT_ONCE):
            ids = pending[start : start + _AT_ONCE]
            jobs, ours = await self.target.read(ids), await self.target.carried_by_us(ids)
            waiting |= {i for i, job in jobs.items() if job.state is State.DELAYED and i in ours}
        return waiting

    async def _has_job_of_its_own(self, copy: Scheduler) -> bool:
        """Whether its next job was made there, as where the target counts in another zone."""
        ids = [copy.pendingId] if copy.pendingId else []
        return bool(set(await self.target.read(ids)) - await self.target.carried_by_us(ids))

    async def _check_settings(self) -> None:
        source, target = await read_settings(self.door, self.queue), await self.target.settings()
        if target.stored and not self.live and not target.paused:
            self._tell(Severity.NOTE, "somebody has let its workers go on the target already.")
        if not target.stored:
            self._wrong("the settings of the queue are gone from the target.")
        for name in ("concurrency", "max", "duration") if target.stored else ():
            wanted, there = getattr(source, name), getattr(target, name)
            if wanted is None and there is not None and not self.live:
                self._tell(Severity.NOTE, f"the limit {name!r} is {there} there and none in Redis.")
            if wanted is not None and wanted != there:
                self._changed(f"the limit {name!r} is {wanted} in Redis and {there} there.")
        self._check_window(source, target)
        self._check_counter(target.counter, source.counter)

    def _check_window(self, here: Settings, there: Settings) -> None:
        """The running rate window, which ordinary use counts on and replaces."""
        if self.live or here.limiterTtl is None or here.limiterTtl < _CLOSE_MS:
            return
        if here.limiterCount == there.limiterCount and _close(here.limiterTtl, there.limiterTtl):
            return
        self._wrong(
            f"the rate window has {here.limiterCount} starts and {_time(here.limiterTtl)} left in "
            f"Redis, {there.limiterCount} and {_time(there.limiterTtl)} there."
        )

    def _check_counter(self, there: int, here: int) -> None:
        if there >= here:
            return
        text = f"the id counter stands at {there}, in Redis at {here}"
        if self.counter is not None and there >= self.counter:
            self._tell(Severity.NOTE, f"{text}: old programs have added jobs since the run.")
        else:
            self._wrong(f"{text}.")

    async def _check_deduplication(self) -> None:
        held = {entry.id: entry for entry in await self.target.deduplications()}
        read_at = self.target.now()
        fresh = not self.live  # a run carries what is added meanwhile
        async for found in read_deduplication(self.door, self.queue, self.index, fresh=fresh):
            wanted = as_carried(self.queue, found, self.target.refused_rule, self.findings)
            if wanted is None:
                continue
            copy = held.get(wanted.id)
            same_owner = copy and (copy.jobId, copy.freed) == (wanted.jobId, wanted.freed)
            if copy and same_owner and _same(copy.next, wanted.next):
                self._check_time(wanted, copy, self.target.now() - read_at)
                continue
            if not self.live or await self._should_hold(wanted):  # Redis counts down as well
                self._changed(f"the deduplication id {wanted.id!r} is held by another job.")

    def _check_time(self, wanted: Deduplication, copy: Deduplication, passed: int) -> None:
        """How long the id is held yet; the copy was read `passed` ms ago."""
        there = None if copy.ttl is None else max(0, copy.ttl - passed)
        if not _close(wanted.ttl, there):
            self._changed(
                f"the deduplication id {wanted.id!r} has {_time(wanted.ttl)} left in Redis and "
                f"{_time(there)} there."
            )

    async def _should_hold(self, wanted: Deduplication) -> bool:
        """Whether the owner holds the id still, as far as one can tell: for the time it was given,
        or until it has finished."""
        owner = (await self.target.read([wanted.jobId])).get(wanted.jobId)
        return owner is not None and (wanted.ttl is not None or owner.state not in FINISHED)

    def _changed(self, text: str) -> None:
        """A difference, unless somebody may have changed the rule on the target since."""
        if self.live:
            self._tell(Severity.NOTE, text)
        else:
            self._wrong(text)

    def _wrong(self, text: str) -> None:
        self.wrong += 1
        self._tell(Severity.LEFT, text)

    def _tell(self, severity: Severity, text: str) -> None:
        self.findings.add(Finding(severity, "rule-differs", text, self.queue.key))


def _close(one: int | None, other: int | None) -> bool:
    """Whether two times left are the same, as far as two readings can tell."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < _CLOSE_MS


def _time(left: int | None) -> str:
    return "no end of time" if left is None else f"{left / 1000:,.0f} s"


def _same(copy: Job | None, wanted: Job | None) -> bool:
    if copy is None or wanted is None:
        return copy is wanted
    return same_given(wanted, replace(copy, timestamp=wanted.timestamp))  # not always stored


def _template(scheduler: Scheduler) -> bytes:
    data = json.loads(scheduler.data) if scheduler.data else {}
    return canonical(plain([dict(scheduler.opts), data, scheduler.offset]))


__all__ = ["RuleCheck"]
