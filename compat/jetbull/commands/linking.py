"""Adding a job to a parent that exists already."""

from __future__ import annotations

from jetbull.commands.draft import Draft
from jetbull.commands.noting import store_noted
from jetbull.error_code import refused
from jetbull.errors import Conflict
from jetbull.ledger.adding.adding import NewJob, doubt_of, is_free_again, is_stored, message_for
from jetbull.ledger.adding.adding import add as store_job
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.messages.names import HEAD
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import bookkeeping, parentage, parents
from jetbull.ledger.store.batch import commit
from jetbull.ledger.store.store import QueueStore


async def add_child(store: QueueStore, new: NewJob) -> str:
    """Stores the child and its parent's wait for it together."""
    parent = await parentage.parent_of(store, new.record, new.job_id)
    assert parent is not None
    await parent.store.mark("families")
    if new.place.level:
        await ensure_level(store, new.place.level)
    while True:
        entry = bookkeeping.expectation(parent)
        try:
            if is_near(store, parent):
                last = 0
                if not await store_noted(store, [Entry(store, new, parent=parent)]):
                    both, is_gone = [entry, message_for(store, new)], doubt_of(store, new)
                    last = await commit(store.wire, store.names.space.jobs, both, is_gone=is_gone)
                if new.on_stored is not None:
                    new.on_stored(last)
                if new.place.state == HEAD:
                    await store.hint("head")
                return new.job_id
            await commit(parent.store.wire, parent.store.names.space.jobs, [entry])
            if await store_job(store, new):
                return new.job_id
        except Conflict as rival:
            if rival.repeated and await is_stored(store, new):
                return new.job_id
            if await is_free_again(store, new):
                continue
        return await _adopt(store, new, parent)


async def add_awaited(store: QueueStore, new: NewJob, is_there: bool) -> str:
    """As `add_child`, of a child that its parent waits for already; one that `is_there`, as far as
    is known, is not tried to store first.
    """
    if not is_there and await store_job(store, new):
        return new.job_id
    parent = await parentage.parent_of(store, new.record, new.job_id)
    assert parent is not None
    return await _adopt(store, new, parent, is_awaited=True)


def is_near(store: QueueStore, parent: parentage.Parent | None) -> bool:
    """Whether parent, if there is one, and child can be stored in one step: in one prefix."""
    return parent is None or parent.store.names.space.jobs == store.names.space.jobs


async def require_parent(store: QueueStore, job: Draft) -> None:
    """JobError -5 when the parent a job names does not exist."""
    assert job.parent is not None
    parent = parentage.link(store.names.space.prefix, job.parent)
    owner = await store.sibling(parent["prefix"], parent["queue"])
    if await reading.find(owner, parent["id"]) is None:
        raise refused(-5, "addJob", parent=str(job.parentKey))


async def require_adoptable(store: QueueStore, job: Draft) -> None:
    """JobError -7 when there is a job of this id, and another parent of it that exists."""
    existing = await reading.find(store, str(job.id))
    if existing is not None:
        await refuse_rival(store, existing, str(job.id), str(job.parentKey))


async def refuse_rival(store: QueueStore, existing: Stored, job_id: str, key: str) -> None:
    """JobError -7 when the job of that id has another parent than `key`, which exists."""
    if existing.record.given.get("parentKey") == key:
        return
    old = await parentage.parent_of(store, existing.record, job_id)
    if (
        old is not None
        and f"{old.store.names.qualified}:{old.job_id}" != key
        and await reading.find(old.store, old.job_id) is not None
    ):
        raise refused(-7, "addJob", parent=key)


async def _adopt(
    store: QueueStore, new: NewJob, parent: parentage.Parent, is_awaited: bool = False
) -> str:
    """A job of this id exists: it becomes a child of the parent, or counts at once."""
    existing = await reading.find(store, new.job_id)
    if existing is None:
        # Only a tombstone stood in the way, or the parent waits already. First the wait: the child
        # may end as soon as it is there.
        await expect_child(parent)
        if not await store_job(store, new):
            return await _adopt(store, new, parent)
        return new.job_id
    await refuse_rival(store, existing, new.job_id, str(new.record.given["parentKey"]))
    if not is_awaited:
        await expect_child(parent)
    known = existing if is_awaited else None
    if not await parents.adopt(store, new.job_id, new.record, known):
        return await _adopt(store, new, parent)  # it was removed meanwhile
    store.emit("duplicated", jobId=new.job_id)
    return new.job_id


async def expect_child(parent: parentage.Parent) -> bool:
    """Lets the parent wait for the child; False if it does already."""
    entry = bookkeeping.expectation(parent)
    try:
        await parent.store.put(entry.subject, entry.payload, entry.headers)
    except Conflict:
        return False
    return True


__all__ = [
    "add_awaited",
    "add_child",
    "expect_child",
    "is_near",
    "refuse_rival",
    "require_adoptable",
    "require_parent",
]
