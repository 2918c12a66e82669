"""Ids that a queue's lists name more than once, though a job stands in one place.

Every library's own steps keep a list free of them; scripts, restored backups and evicted keys do
not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bull2jet.findings import Finding, Severity
from bull2jet.idset import IdSet, fingerprint
from bull2jet.model import QueueRef
from bull2jet.source.door import Door
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import Holder, is_marker, pages


@dataclass(slots=True)
class Double:
    """An id that is listed more than once."""

    id: str
    #: the list that keeps it: the first, in carrying order, that names it
    first: Holder
    #: how often that one names it
    times: int = 0
    #: the other lists that name it
    others: list[Holder] = field(default_factory=list)

    def repeated(self, queue: QueueRef) -> Finding:
        """What is said of an id that the first list names several times."""
        return self._note(queue, f"listed {self.times} times in {self.first.suffix}; carried once.")

    def elsewhere(self, queue: QueueRef, other: Holder) -> Finding:
        """What is said of an id that another list names as well."""
        text = f"listed in {other.suffix} and in {self.first.suffix}; carried once"
        return self._note(queue, f"{text}, as {self.first.state}.")

    def notes(self, queue: QueueRef) -> list[Finding]:
        """All that is said of it."""
        repeated = [self.repeated(queue)] if self.times > 1 else []
        return repeated + [self.elsewhere(queue, other) for other in self.others]

    def _note(self, queue: QueueRef, text: str) -> Finding:
        return Finding(Severity.NOTE, "listed-twice", text, queue.key, self.id)


async def doubles(door: Door, keys: QueueKeys, holders: Sequence[Holder]) -> list[Double]:
    """Those of the ids in these lists that are listed more than once; markers are none."""
    lists = [holder for holder in holders if holder.is_list]
    prints = IdSet()
    for holder in lists:
        async for listings in pages(door, keys, holder):
            prints.add(listing.id for listing in listings)
    prints.close()
    twice = prints.doubled()
    found: dict[str, Double] = {}
    for holder in lists if twice else ():
        async for listings in pages(door, keys, holder):
            for row in listings:
                if fingerprint(row.id) not in twice or is_marker(row.id):
                    continue
                double = found.setdefault(row.id, Double(row.id, holder))
                if double.first is holder:
                    double.times += 1
                elif holder not in double.others:
                    double.others.append(holder)
    return [double for double in found.values() if double.times > 1 or double.others]


__all__ = ["Double", "doubles"]
