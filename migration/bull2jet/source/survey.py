"""A quick look at one queue: exact counts, sizes from a sample, limits, oldest and newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bull2jet.findings import Finding, Severity
from bull2jet.model import Job, QueueRef, Settings, State
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.generation import Generation
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import Holder, page, usable
from bull2jet.source.schedulers import read_schedulers
from bull2jet.source.settings import read_settings
from bull2jet.source.vanishing import lasting

_SAMPLE = 40  # jobs looked at from each end of a state


@dataclass(slots=True)
class StateSurvey:
    """One state of a queue."""

    count: int = 0
    #: estimate from the sample
    bytes: int = 0
    #: largest job of the sample
    largest: int = 0
    oldest: int | None = None
    newest: int | None = None
    #: earliest due time of the delayed
    next_due: int | None = None


@dataclass(slots=True)
class QueueSurvey:
    """One queue."""

    queue: QueueRef
    generation: Generation
    settings: Settings
    states: dict[State, StateSurvey] = field(default_factory=dict)
    schedulers: int = 0
    #: active jobs whose worker holds a lock, of those sampled
    locked: int = 0
    #: other queues that parents or children of the sampled jobs live in
    relatives: set[str] = field(default_factory=set)

    @property
    def jobs(self) -> int:
        """How many jobs the states hold together."""
        return sum(state.count for state in self.states.values())


async def survey(door: Door, found: QueueFound, limit: int) -> tuple[QueueSurvey, list[Finding]]:
    """Looks at a queue; `limit` is the largest job in bytes that the target takes as it is."""
    result = QueueSurvey(found.queue, found.generation, await read_settings(door, found.queue))
    schedules = await read_schedulers(door, found.queue)
    findings = list(schedules.findings)
    result.schedulers = len(schedules.schedulers)
    for holder in usable(found.types):
        state = result.states.setdefault(holder.state, StateSurvey())
        findings += await _sample(door, found, holder, state, result)
        if state.largest > limit:
            findings.append(_large(found.queue, holder.state, state.largest, limit))
    return result, findings


async def _sample(
    door: Door, found: QueueFound, holder: Holder, state: StateSurvey, result: QueueSurvey
) -> list[Finding]:
    """Adds what a sample tells to `state` and `result`; what is wrong with its jobs."""
    keys = QueueKeys(found.queue)
    count = int(await door.call(holder.counting, keys(holder.suffix)))
    listings = await page(door, keys, holder, 0, _SAMPLE)
    if count > _SAMPLE:
        listings += await page(door, keys, holder, max(_SAMPLE, count - _SAMPLE), _SAMPLE)
    problems: list[Finding] = []
    seen = size = passed = 0
    loader = JobLoader(door, found.queue, found.generation)
    async for loaded in loader.load(holder, listings):
        problems += loaded.findings
        passed += len(loaded.passed)  # markers and damaged entries are no jobs
        for job in loaded.jobs:
            seen += 1
            size += job.size
            _add(state, job)
            result.locked += job.locked
        result.relatives |= _relatives(found.queue, loaded.jobs)
    count -= passed if count <= 2 * _SAMPLE else 0
    state.count += count
    state.bytes += size * count // max(1, seen)
    return await lasting(door, keys, holder, problems)


def _add(state: StateSurvey, job: Job) -> None:
    state.largest = max(state.largest, job.size)
    state.oldest = min(job.timestamp, state.oldest or job.timestamp)
    state.newest = max(job.timestamp, state.newest or job.timestamp)
    if job.due is not None:
        state.next_due = min(job.due, state.next_due or job.due)


def _relatives(queue: QueueRef, jobs: Sequence[Job]) -> set[str]:
    parents = {str(job.parent["queueKey"]) for job in jobs if job.parent}
    return parents - {queue.key}


def _large(queue: QueueRef, state: State, size: int, limit: int) -> Finding:
    return Finding(
        Severity.NOTE,
        "large-job",
        f"a {state} job has {size:,} bytes, above the server's message limit of {limit:,}; its "
        "data goes to the object store, which is slower.",
        queue.key,
    )


__all__ = ["QueueSurvey", "StateSurvey", "survey"]
