"""Flows must not be torn: a parent and its children move together, unless the operator insists."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bull2jet.findings import Finding, Severity
from bull2jet.model import Job, QueueRef
from bull2jet.report.formats import counted
from bull2jet.source.discovery import holds_anything_of
from bull2jet.source.door import Door


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

    async def findings(self, door: Door, *, allowed: bool) -> list[Finding]:
        """One finding per torn pair of queues; a queue that is nowhere is no choice of anybody."""
        found = []
        for (queue, other), number in sorted(self.torn.items()):
            what = f"{counted(number, 'job')} with a parent or children in {other!r}, "
            if not await holds_anything_of(door, other):
                text = f"{what}of which this Redis holds nothing; they are carried all the same."
                found.append(Finding(Severity.NOTE, "relatives-gone", text, queue))
            elif allowed:
                text = f"{what}which is not carried: the parents wait for what is elsewhere."
                found.append(Finding(Severity.CHANGED, "torn-flow", text, queue))
            else:
                text = (
                    f"{what}which is not carried: add that queue to --queues (and its prefix, if "
                    "you name prefixes), or accept it with --partial-flows."
                )
                found.append(Finding(Severity.STOP, "torn-flow", text, queue))
        return found

    def _relatives(self, job: Job) -> set[str]:
        keys = set()
        if job.parent:
            keys.add(str(job.parent["queueKey"]))
        for child in job.family.pending:
            owner = next((key for key in self._known if child.startswith(f"{key}:")), None)
            keys.add(owner or child.rpartition(":")[0])
        return keys


__all__ = ["FlowCheck"]
