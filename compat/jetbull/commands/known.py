"""What is stored already of the jobs and deduplication keys that an insertion touches, kept up to
date while the insertion is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jetbull.commands.completing import help_on
from jetbull.commands.deduplicating import start_kept
from jetbull.commands.ruling import Rule
from jetbull.ledger.adding import deduplication
from jetbull.ledger.adding.adding import NewJob, stand_behind, tombstones
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.job.reading import find_still
from jetbull.ledger.messages.names import PUBLIC, public_state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents.bookkeeping import expectation
from jetbull.ledger.parents.parentage import Parent
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.store import QueueStore

Name = tuple[str, str]  # a queue, and a job's or a deduplication id in it


class Item(NamedTuple):
    """A job to add: prepared, with its deduplication rule and its parent, if it has them.

    Where `away`, its parent is in another prefix and waits for it already.
    """

    store: QueueStore
    job: NewJob
    rule: Rule | None = None
    parent: Parent | None = None
    away: bool = False


@dataclass(slots=True)
class PlannedKey:
    """A deduplication key as it will be once the entries so far are stored.

    `entry` is the last one that changed it; `seq` is that of the stored key, 0 if there is none.
    """

    store: QueueStore
    owner: str
    until_ms: int
    seq: int
    pending: dict[str, Any] | None = None
    entry: Entry | None = None


@dataclass(slots=True)
class Known:
    """Jobs in the ledger, jobs about to be, and who holds which deduplication id."""

    stored: dict[Name, Stored] = field(default_factory=dict)
    planned: dict[Name, Entry] = field(default_factory=dict)
    dedup_keys: dict[Name, PlannedKey] = field(default_factory=dict)
    awaited: set[Name] = field(default_factory=set)  # children that their parent waits for already
    leaving: set[Name] = field(default_factory=set)  # removed in the same step

    def has(self, name: Name) -> bool:
        """Whether a job of this name exists, or will."""
        return name in self.planned or name in self.stored

    def state_of(self, name: Name) -> str | None:
        """BullMQ's word for where the job is, or will be; None when there is none."""
        entry = self.planned.get(name)
        if entry is not None:
            return PUBLIC[entry.job.place.state]
        found = self.stored.get(name)
        return None if found is None else public_state_of(found.subject)


async def look(items: Sequence[Item], again: bool) -> Known:
    """What the ledger holds of the items. Each gets the `tombstone` of a removed job of its id: if
    it were refused for that one first, it would be stored behind the others. Numbers that are new
    are taken to be free; with `again` every id is looked for.
    """
    known = Known()
    for store, some in _by_queue(items):
        await _look_in(store, some, known, again)
    if again:
        await _look_for_waits(items, known)
    return known


async def _look_in(store: QueueStore, items: Sequence[Item], known: Known, again: bool) -> None:
    queue = store.names.name
    keys = await deduplication.read_many(store, [i.rule.id for i in items if i.rule is not None])
    ids = [i.job.job_id for i in items if again or not i.job.generated]
    owners = [key.owner for key in keys.values()]
    found = await find_still(store, [*ids, *owners])
    coming = [key.note for key in keys.values() if key.note and key.owner not in found]
    if coming:
        for note in coming:
            await help_on(store, note)
        found = await find_still(store, [*ids, *owners])
    kept = [(i, key) for i, key in keys.items() if key.pending is not None]
    if any([await start_kept(store, i, key, found.get(key.owner)) for i, key in kept]):
        await _look_in(store, items, known, again)
        return
    for dedup_id, key in keys.items():
        known.dedup_keys[queue, dedup_id] = PlannedKey(
            store, key.owner, key.until_ms, key.seq, key.pending
        )
    known.stored.update({(queue, job_id): stored for job_id, stored in found.items()})
    removed = await tombstones(store, ids)
    for item in items:
        await stand_behind(store, item.job, removed.get(item.job.job_id, 0))


async def _look_for_waits(items: Sequence[Item], known: Known) -> None:
    children = {
        expectation(i.parent).subject: (i.store, i.job.job_id)
        for i in items
        if i.parent is not None
    }
    for found in await read_last(items[0].store, list(children)) if children else ():
        owner, job_id = children[found.subject]
        known.awaited.add((owner.names.name, job_id))


def _by_queue(items: Iterable[Item]) -> Iterable[tuple[QueueStore, list[Item]]]:
    queues: dict[str, tuple[QueueStore, list[Item]]] = {}
    for item in items:
        queues.setdefault(item.store.names.name, (item.store, []))[1].append(item)
    return queues.values()


__all__ = ["Item", "Known", "Name", "PlannedKey", "look"]
