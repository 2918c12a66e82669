"""Removing a queue and all it holds, apart from parents whose children live elsewhere."""

from __future__ import annotations

from jetbull.commands import removal
from jetbull.errors import JetbullError, StoreError
from jetbull.ledger import hub
from jetbull.ledger.adding import note_reading
from jetbull.ledger.finishing import finishing
from jetbull.ledger.job import reading
from jetbull.ledger.messages.names import ACTIVE, CHILDREN, STALLED, STATES, last_token, owner_of
from jetbull.ledger.messages.tokens import unescape
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.queue import consumers, counting
from jetbull.ledger.queue.sections import bounds
from jetbull.ledger.queue.tally import count_all
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import listing
from jetbull.ledger.streams.flushing import tell_emptied

_KINDS = (
    "bulk",
    "dedup",
    "gate",
    "ids",
    "level",
    "meta",
    "note",
    "part",
    "patch",
    "probe",
    "sched",
)
_LISTED = 32  # consumers, whose list costs no more than asking for each of the queue's
_AT_ONCE = 32  # purges

Pending = tuple[str, str, str]  # queue and id of a parent, key of the child it waits for


async def obliterate(store: QueueStore, force: bool) -> None:
    """Refuses while jobs are active unless forced; otherwise nothing of the queue is left.

    As in BullMQ, a parent that waits for a child in another queue survives, and so do its own
    parents; a parent in another queue that waited for a job that goes is released.
    """
    if not force and await _has_active(store):
        raise JetbullError("Cannot obliterate queue with active jobs")
    pending, levels, stream, _ = await store.wire.together(
        _pending(store), counting.levels(store), bounds(store), store.event_log.flush()
    )
    own = await _own_children(store, pending)
    kept = await _survivors(store, pending, own)
    await _purge_jobs(store, kept)
    await _purge_rest(store, kept)
    await _release(store, [p for p in own if own[p] not in kept], kept)
    await consumers.remove_unused(store, levels, stream.consumers <= _LISTED)
    store.levels.clear()
    store.patched = False
    store.families = bool(kept)
    hub.forget_ids(store.names.space.prefix, store.names.name)
    await tell_emptied(store.wire, store.names.space, store.names.name)
    await store.hint("meta")


async def _has_active(store: QueueStore) -> bool:
    if not store.wire.is_clustered:
        patterns = [store.names.all_in(ACTIVE), store.names.all_in(STALLED)]
        try:
            found = await store.wire.get_batch(store.names.space.jobs, {"multi_last": patterns})
        except StoreError:
            pass  # more than come in one answer
        else:
            newest = await reading.newest_of(store, [last_token(m.subject) for m in found])
            return any(newest[last_token(m.subject)].seq == m.seq for m in found)
    return (await count_all(store))["active"] > 0


async def _pending(store: QueueStore) -> list[Pending]:
    """Every child that some parent of this prefix waits for."""
    found: list[Pending] = []
    for subject in await counting.list_subjects(store, store.names.space.all_pending()):
        _, _, queue, parent_id, _, _ = subject.split(".")
        found.append((unescape(queue), unescape(parent_id), last_token(subject)))
    return found


async def _own_children(store: QueueStore, pending: list[Pending]) -> dict[Pending, str]:
    """Those of the pending children that are jobs of this queue, with their ids.

    Of one that has ended the parent is told how, for it does not wait for it any more.
    """
    prefix = store.names.qualified + ":"
    candidates = {p: p[2][len(prefix) :] for p in pending if p[2].startswith(prefix)}
    existing = await reading.find_or_ask(store, set(candidates.values()))
    for job_id, found in existing.items():
        await finishing.at_rest(store, job_id, found)
    return {p: job_id for p, job_id in candidates.items() if job_id in existing}


async def _survivors(
    store: QueueStore, pending: list[Pending], own: dict[Pending, str]
) -> set[str]:
    """The parents that wait for a child in another queue, and those that wait for them.

    Of those that do not wait there are some on their way, of a flow that is being added. A job that
    was only given a child keeps nobody, nor does what is left of a parent that is gone, as whoever
    obliterates a queue and dies on the way leaves it.
    """
    waits = [p for p in pending if p[0] == store.names.name]
    if all(p in own for p in waits):
        return set()
    waiting = await counting.list_subjects(store, store.names.all_in(CHILDREN))
    parents = {last_token(subject) for subject in waiting}
    others = {p[1] for p in waits} - parents
    if absent := others - (await reading.find_or_ask(store, others)).keys():
        noted = await note_reading.held(store)
        parents |= {i for i in absent if (store.names.qualified, i) in noted}
    waits = [p for p in waits if p[1] in parents]
    kept = {p[1] for p in waits if p not in own}
    while more := {p[1] for p in waits if own.get(p) in kept} - kept:
        kept |= more
    return kept


async def _purge_jobs(store: QueueStore, kept: set[str]) -> None:
    """Removes what is there now. A request that comes late, of a connection that was lost, is not
    to remove what was added since; so a second look finds what a worker stored behind the first.
    """
    for _ in range(2):
        end = (await bounds(store)).last + 1
        await _purge_up_to(store, kept, end)


async def _purge_up_to(store: QueueStore, kept: set[str], end: int) -> None:
    names = store.names
    if not kept:
        await store.purge(names.everything(), seq=end)
        beside = names.all_beside(), names.all_dependencies()
        await store.wire.together(*(store.purge(subject, seq=end) for subject in beside))
        return
    for state in STATES:
        if state != CHILDREN:
            await store.purge(names.all_in(state), seq=end)
            continue
        for subject in await counting.list_subjects(store, names.all_in(state)):
            if last_token(subject) not in kept:
                await store.purge(subject, seq=end)
    for kind in _KINDS:
        await store.purge(names.all_aux(kind), seq=end)
    for subject in await counting.list_subjects(store, names.all_dependencies()):
        if owner_of(subject) not in kept:
            await store.purge(subject, seq=end)


async def _purge_rest(store: QueueStore, kept: set[str]) -> None:
    wire, space, names = store.wire, store.names.space, store.names
    streams = space.events, space.counters, space.logs, space.objects
    told = await wire.together(*(wire.api(f"STREAM.INFO.{stream}") for stream in streams))
    ends = {s: int(info["state"]["last_seq"]) + 1 for s, info in zip(streams, told, strict=True)}
    doomed = [(space.events, names.events), (space.counters, names.counter(">"))]
    for stream, pattern in ((space.logs, names.all_logs()), (space.objects, names.all_objects())):
        if not kept:
            doomed.append((stream, pattern))
            continue
        for subject in await listing.subjects(wire, stream, pattern):
            if owner_of(subject) not in kept:
                doomed.append((stream, subject))
    for start in range(0, len(doomed), _AT_ONCE):
        asked = (
            wire.api(f"STREAM.PURGE.{stream}", {"filter": subject, "seq": ends[stream]})
            for stream, subject in doomed[start : start + _AT_ONCE]
        )
        await wire.together(*asked)


async def _release(store: QueueStore, gone: list[Pending], kept: set[str]) -> None:
    for queue, parent_id, child_key in gone:
        if queue == store.names.name and parent_id not in kept:
            continue
        owner = await store.sibling(store.names.space.prefix, queue)
        parent = parentage.Parent(owner, parent_id, child_key)
        if await bookkeeping.book(parent, bookkeeping.NOTHING, "null"):
            await removal.leave_parent(store, parent, in_bulk=True)


__all__ = ["obliterate"]
