"""The report's content: one line per queue and state. None means 'not looked at'."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from bull2jet.findings import Finding


class Verdict(IntEnum):
    """How a command ended; the number is the exit code."""

    #: go, or done and nothing is left behind
    FINE = 0
    #: no-go: the run would not start, or did not
    STOP = 1
    #: done, but some items stay behind in Redis; each is named
    LEFT = 3
    #: the two sides differ
    DIFFERENT = 4
    #: Redis or NATS could not be used
    UNAVAILABLE = 5
    #: stopped by the operator with a clean checkpoint
    INTERRUPTED = 130


@dataclass(slots=True)
class StateLine:
    """One state of one queue."""

    #: jobs in Redis
    count: int = 0
    bytes: int = 0
    largest: int = 0
    oldest: int | None = None
    newest: int | None = None
    #: stored on the target by this command
    carried: int | None = None
    #: were on the target already
    already: int | None = None
    #: stay behind in Redis
    left: int | None = None
    #: jobs on the target whose content equals the source's
    equal: int | None = None
    #: changed on the target since they were carried, as jobs do
    moved_on: int | None = None
    different: int | None = None
    missing: int | None = None
    #: digest over all jobs of the state in Redis, whatever their order
    digest: str | None = None
    #: the same over their copies on the target; equal while no job has moved on
    target_digest: str | None = None
    #: digest over the ids in running order
    order: str | None = None
    #: whether the target lists them in the same order
    in_order: bool | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A delayed job or scheduler slot, for a person to check."""

    id: str
    name: str
    due: int


@dataclass(slots=True)
class QueueLine:
    """One queue."""

    queue: str
    library: str
    evidence: tuple[str, ...] = ()
    paused: bool = False
    concurrency: int | None = None
    rate: str | None = None
    counter: int | None = None
    states: dict[str, StateLine] = field(default_factory=dict)
    schedulers: int = 0
    locked: int = 0
    deduplications: int | None = None
    #: schedulers, limits and deduplication ids that differ
    rules_different: int | None = None
    relatives: tuple[str, ...] = ()
    #: the next jobs to become due, earliest first
    next_due: list[Due] = field(default_factory=list)
    phase: str | None = None
    #: how long workers have nothing to take, in seconds
    pause_predicted: float | None = None
    pause_measured: float | None = None

    @property
    def jobs(self) -> int:
        """How many jobs the states hold together."""
        return sum(line.count for line in self.states.values())

    @property
    def bytes(self) -> int:
        """How many bytes they take together."""
        return sum(line.bytes for line in self.states.values())

    @property
    def differing(self) -> int:
        """In how many points the two sides differ."""
        points = self.rules_different or 0
        for line in self.states.values():
            points += (line.different or 0) + (line.missing or 0) + (line.in_order is False)
        return points


@dataclass(slots=True)
class Report:
    """What one command found and did."""

    command: str
    #: address of Redis without its secrets
    source: str
    started: int
    version: str
    target: str | None = None
    seconds: float = 0.0
    server: dict[str, Any] = field(default_factory=dict)
    queues: list[QueueLine] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    #: how many findings there were of each code, also those not kept
    finding_counts: dict[str, int] = field(default_factory=dict)
    verdict: Verdict = Verdict.FINE
    #: one sentence
    summary: str = ""
    #: the command to type next
    next: str | None = None

    @property
    def differing(self) -> int:
        """In how many points the two sides differ."""
        return sum(queue.differing for queue in self.queues)


__all__ = ["Due", "QueueLine", "Report", "StateLine", "Verdict"]
