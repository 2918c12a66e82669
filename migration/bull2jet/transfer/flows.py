"""Flows must not be torn: a parent and its children move together, unless the operator insists."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bull2jet.findings import Finding, Severity
from bull2jet.model import Job, QueueRef


class FlowCheck:
    """Collects the queues that a selection's jobs are related to."""

    def __init__(self, chosen: Collection[QueueRef], known: Collection[QueueRef]) -> None:
        self._chosen = {queue.key for queue in chosen}
        # The longest key first: a queue's name may begin with another's.
        self._known = sorted((queue.key for queue in known), key=len, reverse=True)
        self.torn: dict[tuple[str, str], int] = {}

    def look(self, queue: QueueRef, jobs: Iterable[Job]) -> None:
        """Notes relatives outside the selection."""
        for job in jobs:
            for other in self._relatives(job):
                if other not in self._chosen:
                    pair = (queue.key, other)
                    self.torn[pair] = self.torn.get(pair, 0) + 1

    def findings(self, allowed: bool) -> list[Finding]:
        """One finding per torn pair of queues."""
        severity = Severity.CHANGED if allowed else Severity.STOP
        remedy = (
            "the parents there wait for children that are elsewhere"
            if allowed
            else "add that queue to --queues, or accept it with --partial-flows"
        )
        return [
            Finding(
                severity,
                "torn-flow",
                f"{number:,} jobs have parents or children in {other!r}, which is not carried: "
                f"{remedy}.",
                queue,
            )
            for (queue, other), number in sorted(self.torn.items())
        ]

    def _relatives(self, job: Job) -> set[str]:
        keys = set()
        if job.parent:
            keys.add(str(job.parent["queueKey"]))
        for child in job.family.pending:
            owner = next((key for key in self._known if child.startswith(f"{key}:")), None)
            keys.add(owner or child.rpartition(":")[0])
        return keys


__all__ = ["FlowCheck"]
