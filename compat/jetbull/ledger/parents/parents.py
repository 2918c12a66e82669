"""What a child means for its parent: when it has finished, when it runs again, when it is adopted.

The parent leaves `children` when the last child is done (`bookkeeping` knows, `releasing` lets it
go). A child is stored as finished *before* its parent is told, on a subject that turns into a
repair ticket if the teller dies; every step below may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job.patches import rewrite
from jetbull.ledger.job.reading import find
from jetbull.ledger.messages.names import public_state_of
from jetbull.ledger.messages.record import Record, Stored, dumps
from jetbull.ledger.parents.bookkeeping import (
    FAILED_KIND,
    NOTHING,
    PROCESSED,
    UNSUCCESSFUL,
    book,
    expectation,
    is_booked,
)
from jetbull.ledger.parents.parentage import POLICY, Parent, parent_of, policy_of
from jetbull.ledger.parents.releasing import doom, release, why_doomed
from jetbull.ledger.store.replicas import read_latest
from jetbull.ledger.store.store import QueueStore


async def tell_completed(store: QueueStore, child: Stored, job_id: str) -> None:
    """A child completed: its value is booked, the parent goes if it was the last."""
    parent = await parent_of(store, child.record, job_id)
    if parent is not None:
        told = await blobs.fields_inline(store, job_id, child.record)
        await book(parent, PROCESSED, dumps(told.head.get("returnvalue")))
        await release(parent.store, parent.job_id)


async def tell_failed(store: QueueStore, child: Stored, job_id: str, removed: bool = False) -> None:
    """A child failed for good: the parent learns it as the child's options say.

    Without such an option the parent goes on waiting, unless the child is `removed` as it fails.
    """
    parent = await parent_of(store, child.record, job_id)
    if parent is None:
        return
    opts = policy_of(child.record.given)
    why = dumps(child.record.head.get("failedReason", ""))
    if opts.get("failParentOnFailure"):
        if await _is_told(parent, UNSUCCESSFUL, why):
            await doom(parent.store, parent.job_id, why_doomed(parent.child_key))
    elif opts.get("continueParentOnFailure"):
        if await _is_told(parent, FAILED_KIND, why):
            await release(parent.store, parent.job_id, at_once=True)
    elif opts.get("ignoreDependencyOnFailure"):
        await book(parent, FAILED_KIND, why)
        await release(parent.store, parent.job_id)
    elif opts.get("removeDependencyOnFailure"):
        await book(parent, NOTHING, "null")
        await release(parent.store, parent.job_id)
    elif removed:
        await book(parent, NOTHING, "null")
        await release(parent.store, parent.job_id, removed=True)


async def _is_told(parent: Parent, kind: str, why: str) -> bool:
    """Books the failure; whether the parent has it in its books, if only from an earlier try.

    A parent that does not wait for the child any more, since somebody cut it off just now, has
    nothing to do with how it ends.
    """
    return await book(parent, kind, why) or await is_booked(parent, kind)


async def tell_again(store: QueueStore, job_id: str, parent: Parent) -> None:
    """Tells a parent that waits for a finished child how that ended; nothing while it runs. For one
    that was removed meanwhile it waits no longer.
    """
    child = await find(store, job_id)
    state = "" if child is None else public_state_of(child.subject)
    if child is None:
        await book(parent, NOTHING, "null")
        await release(parent.store, parent.job_id, removed=True)
    elif state == "completed":
        await tell_completed(store, child, job_id)
    elif state == "failed":
        await tell_failed(store, child, job_id)


async def tell_missed(store: QueueStore, child: Stored, job_id: str) -> None:
    """Tells a parent that waits for a child of long ago what it should have heard of its end."""
    state = public_state_of(child.subject)
    if state == "completed":
        await tell_completed(store, child, job_id)
    elif state == "failed" and "policy" not in child.record.given.get("parent", {}):
        # One that was adopted may have failed before: its parent waits until it runs again.
        await tell_failed(store, child, job_id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parent that waits for a child once more, `is_new` if it did not already; and the sequence
    of what the child returned before (0: nothing).
    """

    parent: Parent
    value: int
    is_new: bool


async def wait_again(store: QueueStore, record: Record, job_id: str) -> Waiting | None:
    """A finished child is to run again: its parent waits for it once more, if it had booked its
    end. Where it had, `forget_value` follows when the child is back in the line, and `tell_again`
    if it does not run after all.
    """
    parent = await parent_of(store, record, job_id)
    if parent is None or await find(parent.store, parent.job_id) is None:
        return None
    owner = parent.store
    kinds = (FAILED_KIND, UNSUCCESSFUL, PROCESSED)
    subjects = [owner.names.dependency(k, parent.job_id, parent.child_key) for k in kinds]
    booked = await read_latest(owner, subjects)
    if not booked:
        return None
    # Of a child that is removed before it can run again, what it returned is the parent's still.
    value = next((entry.seq for entry in booked if entry.subject == subjects[-1]), 0)
    wait, is_new = expectation(parent), True
    try:
        await owner.put(wait.subject, wait.payload, wait.headers)
    except Conflict:
        is_new = False  # for another retry, which may have died before the rest
    for entry in booked:  # up to what was seen: another retry may be quicker, and the child as well
        if entry.seq != value:
            await owner.purge(entry.subject, seq=entry.seq + 1)
    return Waiting(parent, value, is_new)


async def forget_value(waits: Waiting) -> None:
    """Removes from a parent's books what a child returned that runs again."""
    if waits.value:
        store, parent = waits.parent.store, waits.parent
        subject = store.names.dependency(PROCESSED, parent.job_id, parent.child_key)
        await store.purge(subject, seq=waits.value + 1)


async def adopt(store: QueueStore, job_id: str, wish: Record, known: Stored | None) -> bool:
    """Gives an existing job the parent named in `wish`, which waits for it already; a completed one
    counts at once.

    False when there is no such job any more. `known` is the job, if it was read since its parent
    waits for it.
    """
    knows = False
    while True:
        found, known = known or await find(store, job_id), None
        if found is None:
            return knows
        own = _with_parent_of(wish, found.record)
        completed = public_state_of(found.subject) == "completed"
        if completed:
            await tell_completed(store, Stored(found.subject, found.seq, own), job_id)
        if knows or _is_its_child(found, own.given["parent"]):
            return True
        if not await rewrite(store, job_id, partial(_give_parent, own.fixed)):
            return completed
        if completed:
            return True
        knows = True  # and is looked at again: it may have completed just before


def _with_parent_of(wish: Record, record: Record) -> Record:
    """The record, with the parent of `wish` and with what a failure means for that one."""
    policy = {k: v for k, v in wish.opts.items() if k in POLICY}
    link = {**wish.given["parent"], "policy": policy}
    own = record.with_given(parent=link, parentKey=wish.given["parentKey"])
    _end_orphanhood(own)
    return own


def _give_parent(fixed: bytes, stored: Record) -> None:
    stored.fixed = fixed
    _end_orphanhood(stored)


def _end_orphanhood(record: Record) -> None:
    if "orphaned" in record.head:
        record.head["orphaned"] = False


def _is_its_child(found: Stored, link: dict[str, Any]) -> bool:
    """Whether the job has that parent already, and tells it how it ends.

    Not one that failed: its parent is to wait until it runs again.
    """
    given = found.record.given
    own = {**given.get("parent", {})}
    own["policy"] = {k: v for k, v in policy_of(given).items() if k in POLICY}
    is_settled = found.record.head.get("orphaned") or public_state_of(found.subject) == "failed"
    return own == link and not is_settled


__all__ = [
    "Waiting",
    "adopt",
    "forget_value",
    "tell_again",
    "tell_completed",
    "tell_failed",
    "tell_missed",
    "wait_again",
]
