"""What a finished child means for its parent.

Every child a parent waits for is a message of its own (`pend`), itself a schedule, so that its
outcome replaces it in one step. The parent leaves `children` when the last is gone. A child is
stored as finished *before* its parent is told, on a subject that turns into a repair ticket if
the teller dies; every step below may be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger import blobs
from jetbull.ledger.clock import FAR_FUTURE_MS, now_ms
from jetbull.ledger.guard import HeaderMap, drop, expect, timer, vanish
from jetbull.ledger.moving import move
from jetbull.ledger.names import CHILDREN, DELAYED, last_token, public_state_of, state_of
from jetbull.ledger.paging import read_all
from jetbull.ledger.patches import rewrite
from jetbull.ledger.placing import delayed, waiting
from jetbull.ledger.reading import as_stored, find
from jetbull.ledger.record import Record, Stored, dumps, to_bytes
from jetbull.ledger.store import QueueStore

PENDING, PROCESSED, FAILED_KIND, UNSUCCESSFUL, NOTHING = (
    "pend",
    "processed",
    "failed",
    "unsuccessful",
    "none",
)
_PARENTS_KNOWN = 1000
POLICY = (
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
    "removeDependencyOnFailure",
)


@dataclass(frozen=True, slots=True)
class Parent:
    """The job a child belongs to, and the child's name in its books."""

    store: QueueStore
    job_id: str
    child_key: str


async def parent_of(store: QueueStore, record: Record, job_id: str) -> Parent | None:
    """The parent named in a record, or None."""
    link = record.given.get("parent")
    if not link or record.head.get("orphaned"):
        return None
    owner = await store.sibling(link["prefix"], link["queue"])
    return Parent(owner, link["id"], f"{store.names.qualified}:{job_id}")


def policy_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a child's failure means for its parent: options of the add that named the parent."""
    link: dict[str, Any] = given.get("parent") or {}
    opts: dict[str, Any] = link["policy"] if "policy" in link else given.get("opts") or {}
    return opts


def pending_message(
    names_owner: QueueStore, parent_id: str, child_key: str
) -> tuple[str, HeaderMap]:
    """Subject and headers of 'this parent waits for this child'."""
    subject = names_owner.names.dependency(PENDING, parent_id, child_key)
    headers: HeaderMap = {}
    target = names_owner.names.dependency(NOTHING, parent_id, child_key)
    timer(headers, FAR_FUTURE_MS, target)
    return subject, headers


async def book(parent: Parent, kind: str, value: str) -> bool:
    """Replaces the pending entry by the outcome; False when it was not pending."""
    store, stream = parent.store, parent.store.names.space.jobs
    pending = store.names.dependency(PENDING, parent.job_id, parent.child_key)
    headers: HeaderMap = {}
    if kind == NOTHING:
        vanish(headers, 1)
    reference = await blobs.write_if_large(store, parent.job_id, value)
    if reference is not None:
        headers[blobs.REFERENCE_HEADER], value = reference, "null"
    subject = store.names.dependency(kind, parent.job_id, parent.child_key)
    # A direct get costs half of what the leader's word costs, but may be behind.
    quick = partial(store.wire.get_one, stream, {"last_by_subj": pending})
    for look in (quick, partial(store.wire.get_last, stream, pending)):
        found = await look()
        if found is None:
            continue
        drop(headers, pending, found.seq)
        try:
            await store.put(subject, to_bytes(value), headers)
        except Conflict:
            continue
        return True
    return False


async def has_pending(store: QueueStore, parent_id: str) -> bool:
    """Whether any child of the parent is unfinished.

    Asked of the leader: of the last two children that finish together, at least the later one must
    see that none is left, or nobody would let the parent go. From where the first was found before,
    for the server looks through all that match to find the first of all, or the last.
    """
    wire, stream, known = store.wire, store.names.space.jobs, store.pending_from
    subject = store.names.dependencies(parent_id, PENDING)
    found = None
    if parent_id in known:
        found = await wire.get_next(stream, subject, known[parent_id])
    found = found or await wire.get_next(stream, subject, 1)
    if found is None:
        known.pop(parent_id, None)
        return False
    if parent_id not in known and len(known) >= _PARENTS_KNOWN:
        known.pop(next(iter(known)))
    known[parent_id] = found.seq
    return True


async def has_unsuccessful(store: QueueStore, parent_id: str) -> bool:
    """Whether a child that fails its parent has failed."""
    subject = store.names.dependencies(parent_id, UNSUCCESSFUL)
    return await store.wire.get_last(store.names.space.jobs, subject) is not None


async def entries(store: QueueStore, parent_id: str) -> dict[str, dict[str, Any]]:
    """kind -> child key -> value, for all children ever booked."""
    books: dict[str, dict[str, Any]] = {}
    for message in await read_all(store, store.names.dependencies(parent_id)):
        kind = message.subject.split(".")[4]
        value = json.loads(message.data) if message.data else None
        reference = message.headers.get(blobs.REFERENCE_HEADER)
        if reference:
            value = json.loads(await blobs.read(store, parent_id, reference))
        books.setdefault(kind, {})[last_token(message.subject)] = value
    return books


async def release(
    store: QueueStore,
    parent_id: str,
    *,
    at_once: bool = False,
    quiet: bool = False,
    removed: bool = False,
) -> None:
    """Lets the parent go if it waits for children and none is pending, or `at_once`.

    A `quiet` release tells no event. Where the last child was `removed`, the parent goes to the
    head of the line whatever its delay and priority, as in BullMQ.
    """
    while True:
        if not at_once and await has_pending(store, parent_id):
            return
        newest = await store.newest(parent_id)
        if newest is None or state_of(newest.subject) != CHILDREN:
            return
        found = as_stored(newest)
        try:
            await _let_go(store, parent_id, found, found.record.copy(), quiet, removed)
        except Conflict:
            continue
        return


async def doom(store: QueueStore, parent_id: str, reason: str) -> None:
    """A child failed that the parent may not survive: who takes the parent fails it.

    A parent that waits for children or for its time is moved to the line at once; elsewhere only
    the reason is noted. A failed one stays as it is.
    """

    def note(record: Record) -> None:
        record.head["deferredFailure"] = reason

    while True:
        found = await find(store, parent_id)
        if found is None or public_state_of(found.subject) == "failed":
            return
        state = state_of(found.subject)
        if state not in (CHILDREN, DELAYED):
            await rewrite(store, parent_id, note)
            return
        record = found.record.copy()
        note(record)
        if state == DELAYED:
            record.head.pop("delay", None)
        try:
            await _let_go(store, parent_id, found, record)
        except Conflict:
            continue
        return


async def _let_go(
    store: QueueStore,
    parent_id: str,
    found: Stored,
    record: Record,
    quiet: bool = False,
    removed: bool = False,
) -> None:
    """Moves the parent to the head of the line; its delay, if it has one, begins now."""
    delay = int(record.head.get("delay", 0))
    place = waiting(0 if removed else record.priority, lifo=True)
    if delay > 0 and not removed:
        place = delayed(now_ms() + delay, record.priority)
    await move(store, parent_id, found, record, place)
    if place.due_ms:
        store.promoter.arm(parent_id, place.due_ms)
    if quiet:
        return
    if place.due_ms:
        store.emit("delayed", jobId=parent_id, delay=str(place.due_ms))
    else:
        store.emit("waiting", jobId=parent_id, prev="waiting-children")


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
        await book(parent, UNSUCCESSFUL, why)
        await doom(parent.store, parent.job_id, f"child {parent.child_key} failed")
    elif opts.get("continueParentOnFailure"):
        await book(parent, FAILED_KIND, why)
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


async def wait_again(store: QueueStore, record: Record, job_id: str) -> None:
    """A finished child runs again: its parent waits for it once more, if it had booked its end."""
    parent = await parent_of(store, record, job_id)
    if parent is None or await find(parent.store, parent.job_id) is None:
        return
    owner = parent.store
    kinds = (FAILED_KIND, UNSUCCESSFUL, PROCESSED)
    booked = [owner.names.dependency(k, parent.job_id, parent.child_key) for k in kinds]
    stream = owner.names.space.jobs
    if not await owner.wire.get_batch(stream, {"multi_last": booked}):
        return
    subject, headers = pending_message(owner, parent.job_id, parent.child_key)
    expect(headers, subject, 0)
    try:
        await owner.put(subject, b"null", headers)
    except Conflict:
        return
    for entry in booked:
        await owner.purge(entry)


async def by_key(store: QueueStore, key: str) -> tuple[QueueStore, str]:
    """The queue and id a child key (`<prefix>:<queue>:<id>`) stands for.

    The three parts may hold colons themselves, so the split that finds a job is taken.
    """
    parts = key.split(":")
    candidates: list[tuple[str, str, str]] = []
    own = store.names.space.prefix
    if key.startswith(own + ":"):
        rest = key[len(own) + 1 :].split(":")
        candidates += [(own, ":".join(rest[:i]), ":".join(rest[i:])) for i in range(1, len(rest))]
    else:
        candidates += [
            (parts[0], ":".join(parts[1:i]), ":".join(parts[i:])) for i in range(2, len(parts))
        ]
    first: tuple[QueueStore, str] | None = None
    for prefix, queue, job_id in candidates:
        place = await store.sibling(prefix, queue), job_id
        first = first or place
        if len(candidates) == 1 or await find(*place) is not None:
            return place
    assert first is not None, key
    return first


async def adopt(store: QueueStore, job_id: str, wish: Record) -> bool:
    """Gives an existing job the parent named in `wish`; a completed one counts at once.

    False when there is no such job any more.
    """
    told = False
    while True:
        found = await find(store, job_id)
        if found is None:
            return told
        link = {
            **wish.given["parent"],
            "policy": {k: v for k, v in wish.opts.items() if k in POLICY},
        }
        record = found.record.with_given(parent=link, parentKey=wish.given["parentKey"])
        if "orphaned" in record.head:
            record = record.with_head({**record.head, "orphaned": False})
        completed = public_state_of(found.subject) == "completed"
        if completed:
            await tell_completed(store, Stored(found.subject, found.seq, record), job_id)
        if told:
            return True
        fixed = record.fixed

        def change(stored: Record, fixed: Any = fixed) -> None:
            stored.fixed = fixed
            if "orphaned" in stored.head:
                stored.head["orphaned"] = False

        # It may complete just before it learns of its parent: then it is looked at again.
        if not await rewrite(store, job_id, change):
            return completed
        told = True
        if completed:
            return True
