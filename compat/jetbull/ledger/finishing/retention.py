"""How long finished jobs stay: by count and by age, as the caller's options say."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from jetbull.errors import Conflict, StoreError
from jetbull.ledger.belongings import belongings
from jetbull.ledger.belongings.belongings import delete
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.patches import fold, read_patches
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.names import FAILED, last_token
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.messages.record import Record
from jetbull.ledger.parents import bookkeeping, parentage, releasing
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.rounds import Rounds
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

log = logging.getLogger("jetbull.ledger")


@dataclass(frozen=True, slots=True)
class Keep:
    """`count` newest jobs (None: no limit) no older than `age_s` seconds (None: any)."""

    count: int | None = None
    age_s: float | None = None
    limit: int = 1000

    @property
    def all(self) -> bool:
        """Whether every finished job stays."""
        return self.count is None and self.age_s is None

    @property
    def none(self) -> bool:
        """Whether no finished job stays."""
        return self.count == 0

    @property
    def some(self) -> bool:
        """Whether some stay, and others go."""
        return not (self.all or self.none)


KEEP_ALL = Keep()

_STEP = 1000  # jobs that are held while they are removed

Old = dict[str, StoredMessage]
"""Finished jobs to remove, by id."""


async def trim(store: QueueStore, state: str, keep: Keep, wait: bool = True) -> None:
    """Removes what a policy that keeps some no longer keeps; called when a job of that state has
    finished.

    Where many jobs finish at once under one policy, one call removes for all. Without `wait` the
    removing goes on after this has returned.
    """
    if wait:
        await _rounds(store, state, keep).join()
    else:
        _rounds(store, state, keep).leave()


def _rounds(store: QueueStore, state: str, keep: Keep) -> Rounds:
    key = (state, keep)
    rounds = store.trims.get(key)
    if rounds is None:

        def drop() -> None:
            store.trims.pop(key, None)

        rounds = store.trims[key] = Rounds(partial(_trim, store, state, keep), drop)
    return rounds


async def _trim(store: QueueStore, state: str, keep: Keep) -> None:
    # Not those whose parent is still to be told.
    subject = store.names.all_in(state, "-")
    query = {"next_by_subj": subject, "seq": 1, "batch": 1}
    oldest = await store.wire.get_batch(store.names.space.jobs, query)
    if not oldest:
        return
    old: Old = {}
    if keep.age_s is not None:
        cutoff_ms = now_ms() - int(keep.age_s * 1000)
        if _ended_ms(oldest[0]) <= cutoff_ms:
            found = await _oldest(store, subject, max(1, keep.limit))
            old |= {i: m for i, m in found.items() if _ended_ms(m) <= cutoff_ms}
    surplus = 0 if keep.count is None else oldest[0].pending + 1 - keep.count
    if surplus == 1 and not old:
        old[last_token(oldest[0].subject)] = oldest[0]
    seq = 1
    while old or surplus > 0:
        if not old:
            old = await _oldest(store, subject, min(surplus, _STEP), seq)
            if not old:
                return
        if state == FAILED:
            await _leave_parents(store, old)
        await _remove_finished(store, old)
        surplus -= len(old)
        seq = max(m.seq for m in old.values()) + 1
        old = {}


def _ended_ms(message: StoredMessage) -> int:
    """When the job ended; one that was carried here ended before it was stored."""
    stored_ms, finished = parse_ms(message.time), Record.read(message.data).head.get("finishedOn")
    return stored_ms if finished is None else min(stored_ms, int(finished))


async def _leave_parents(store: QueueStore, jobs: Old) -> None:
    """Parents that still wait for a failed child do not wait for one that is removed."""
    patches = await read_patches(store, [*jobs]) if store.may_be_patched else {}
    for job_id, message in jobs.items():
        record = fold(Record.read(message.data), message.seq, patches.get(job_id))
        parent = await parentage.parent_of(store, record, job_id)
        if parent is not None and await bookkeeping.book(parent, bookkeeping.NOTHING, "null"):
            await releasing.release(parent.store, parent.job_id, removed=True)


async def _oldest(store: QueueStore, subject: str, count: int, seq: int = 1) -> Old:
    found: Old = {}
    while len(found) < count:
        query = {"next_by_subj": subject, "seq": seq, "batch": count - len(found)}
        batch = await store.wire.get_batch(store.names.space.jobs, query)
        found |= {last_token(m.subject): m for m in batch}
        if not batch or not batch[-1].pending:
            break
        seq = batch[-1].seq + 1
    return found


async def _remove_finished(store: QueueStore, jobs: Old) -> None:
    """Removes finished jobs and what belongs to them.

    In every state, for a ticket whose ack was lost would run the job again later; only the
    messages seen, for the job may run again by now.
    """
    ids = list(jobs)
    left = await belongings.look(store, ids)
    for message in await read_last(store, [store.names.any_state(i) for i in ids]):
        own = jobs[last_token(message.subject)]
        if message.subject != own.subject and message.seq < own.seq:
            await store.delete(message.seq)
    objects = store.names.space.objects
    bulky = {i for i, pieces in left.items() if any(p.stream == objects for p in pieces)}
    jobs = {i: m for i, m in jobs.items() if i not in bulky or await _leave_tombstone(store, i, m)}
    were_there = await delete(store, [m.seq for m in jobs.values()])
    # One that was not runs again by now, or somebody else removes it.
    gone = [i for i, was in zip(jobs, were_there, strict=True) if was or i in bulky]
    await belongings.remove(store, left, gone)


async def _leave_tombstone(store: QueueStore, job_id: str, message: StoredMessage) -> bool:
    """Leaves a tombstone of a job beside which something large was found; False when it is not as
    it was. Who adds a job of the id just now may have put that there: this tells of it.
    """
    old = as_stored(message)
    gone = old.record.with_head({})
    try:
        await move(store, job_id, old, gone, REMOVED, keep_old=True, keep_patch=True)
    except Conflict:
        return False
    except StoreError as error:  # a full store is to become emptier
        log.debug("job %s is removed without a tombstone: %s", job_id, error)
    return True


__all__ = ["KEEP_ALL", "Keep", "trim"]
