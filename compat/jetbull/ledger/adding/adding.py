"""New jobs: one publish each, 'create only'; many at once as atomic batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from jetbull.errors import BatchTooLarge, Conflict
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.job.reading import find_many, find_still
from jetbull.ledger.messages.clock import stamp
from jetbull.ledger.messages.guard import drop, expect
from jetbull.ledger.messages.names import DELAYED, GONE, HEAD, WAIT, last_token, state_of
from jetbull.ledger.messages.placing import Place, address, placed, turn
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.messages.tokens import escape
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.store.batch import Message, commit, most_in_batch
from jetbull.ledger.store.collector import collector_paused
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.store.unconfirmed import IsGone
from jetbull.ledger.wire.many_stored import ForMessages

_TURN = 1000  # messages until others have their turn


@dataclass(slots=True)
class NewJob:
    """A job to store; `on_stored` runs as soon as the server has it.

    `tombstone` is the sequence of what an earlier job of this id left, if it was removed lately; or
    of the job whose place this one takes. `whole` are the data of a job with a chosen id that were
    put beside it, see `stand_behind`.
    """

    job_id: str
    record: Record
    place: Place
    generated: bool
    on_stored: Callable[[int], None] | None = None
    tombstone: int = 0
    whole: bytes = b""


async def stand_behind(store: QueueStore, job: NewJob, tombstone: int) -> None:
    """The job is to take the place of one that was removed; 0 for none.

    What is large was put beside it before, and may have gone with the other one: it is put there
    once more.
    """
    is_news, job.tombstone = tombstone != job.tombstone, tombstone
    if tombstone and is_news and job.whole and job.record.data[:1] == b"@":
        job.record.data = job.whole
        await blobs.externalize(store, job.job_id, job.record)


def message_for(store: QueueStore, job: NewJob) -> Message:
    """The guarded message that creates the job."""
    subject, headers = address(store.names, job.job_id, job.place)
    if job.tombstone and job.place.state == DELAYED:
        drop(headers, store.names.job(DELAYED, job.job_id, turn(job.place.lane)), 0)
    expect(headers, store.names.any_state(job.job_id), job.tombstone)
    return Message(subject, placed(job.record, job.place, job.tombstone).encode(), headers)


def make_ready(
    store: QueueStore, whole: ForMessages, jobs: Iterable[tuple[int, NewJob, bytes]]
) -> None:
    """Makes ready what creates the jobs, given by number with their records as they are placed."""
    plain: list[tuple[int, bytes, tuple[bytes, ...], bytes]] = []
    for number, job, record in jobs:
        if job.place.state == WAIT and not job.tombstone:
            token = escape(job.job_id).encode()
            plain.append((number, token, (token,), record))
            continue
        store.wire.ready_filled(whole, store.templates.new, plain)
        plain.clear()
        m = message_for(store, job)
        store.wire.ready_one(whole, number, m.subject, m.payload, m.headers)
    store.wire.ready_filled(whole, store.templates.new, plain)


async def is_free_again(store: QueueStore, job: NewJob) -> bool:
    """After a conflict: whether only a removed job stood in the way, as the job knows from now."""
    newest = await store.newest(job.job_id)
    seq = newest.seq if newest is not None and state_of(newest.subject) == GONE else 0
    found = seq != job.tombstone
    await stand_behind(store, job, seq)
    return found


async def add(store: QueueStore, job: NewJob) -> bool:
    """Stores the job; False when one of this id exists in any state."""
    if job.place.level:
        await ensure_level(store, job.place.level)
    message = message_for(store, job)
    is_repeated = False
    while True:
        try:
            await store.put(
                message.subject,
                message.payload,
                message.headers,
                job.on_stored,
                is_gone=doubt_of(store, job),
            )
            break
        except Conflict as rival:
            newest = await store.newest(job.job_id)
            is_repeated = is_repeated or rival.repeated
            if is_repeated and await is_stored(store, job):
                break  # the first copy arrived, and a worker was quicker than its answer
            if newest is not None and state_of(newest.subject) != GONE:
                return False
            # Only a tombstone stands there: the id is free again.
            await stand_behind(store, job, 0 if newest is None else newest.seq)
            message = message_for(store, job)
    if job.place.state == HEAD:
        await store.hint("head")
    return True


def doubt_of(store: QueueStore, job: NewJob) -> IsGone | None:
    """Tells whether a worker was so quick with the job that nothing is left of it.

    None for a chosen id: what is told of it may be of an earlier job.
    """
    return partial(_is_gone, store, job.job_id) if job.generated else None


async def _is_gone(store: QueueStore, job_id: str, since_ms: int) -> bool:
    async def ask(job_ids: Collection[str], since_ms: int) -> set[str]:
        return await event_evidence.came_and_went(store, job_ids, stamp(since_ms))

    return await store.unconfirmed.settle(job_id, since_ms, ask)


async def is_stored(store: QueueStore, job: NewJob) -> bool:
    """Whether the job of this id is the one being added, finished or removed since or not.

    To be asked after a `repeated` conflict; runs `on_stored` when it is.
    """
    found = await store.newest(job.job_id)
    if found is None or not Record.decode(found.data).same_job(job.record):
        return False
    if job.on_stored is not None:
        job.on_stored(found.seq)
    return True


async def is_any_stored(store: QueueStore, jobs: Sequence[NewJob]) -> bool:
    """Whether any of the jobs is the one being added, finished since or not.

    To be asked after a `repeated` conflict of a step that stores all of them or none.
    """
    asked = jobs
    if not store.wire.is_clustered:  # else a server may be behind; the leader is not
        if _is_any_own(await find_many(store, [job.job_id for job in jobs]), jobs):
            return True
        asked = jobs[-1:]
    newest = await store.wire.together(*(store.newest(job.job_id) for job in asked))
    found = zip(newest, asked, strict=True)
    return any(m is not None and Record.decode(m.data).same_job(job.record) for m, job in found)


def _is_any_own(found: Mapping[str, Stored], jobs: Sequence[NewJob]) -> bool:
    """Whether any of the jobs that were found is the one being added."""
    return any(
        job.job_id in found and found[job.job_id].record.same_job(job.record) for job in jobs
    )


def _doubt_of_many(store: QueueStore, jobs: Sequence[NewJob]) -> IsGone | None:
    """As `doubt_of`, for jobs that are stored in one step."""
    generated = next((job for job in reversed(jobs) if job.generated), None)
    return None if generated is None else doubt_of(store, generated)


async def add_many(store: QueueStore, jobs: Sequence[NewJob]) -> list[bool]:
    """Stores all that are new; True for each that was stored.

    One atomic step, or as few as the server's limit on batches allows.
    """
    stored: list[bool] = []
    while len(stored) < len(jobs):
        part = jobs[len(stored) : len(stored) + most_in_batch(store.wire)]
        try:
            stored += await add_together(store, part)
        except BatchTooLarge:
            continue  # from now on it is known what is not
    return stored


async def add_together(store: QueueStore, jobs: Sequence[NewJob]) -> list[bool]:
    """As `add_many`, in one step. BatchTooLarge when the server does not take so many."""
    if len(jobs) > most_in_batch(store.wire):
        raise BatchTooLarge(f"A batch of {len(jobs)} messages is too large for the server.")
    for lane in {j.place.level for j in jobs if j.place.level}:
        await ensure_level(store, lane)
    stored = await _add_batch(store, jobs)
    if any(j.place.state == HEAD for j in jobs):
        await store.hint("head")
    return stored


async def _add_batch(store: QueueStore, jobs: Sequence[NewJob]) -> list[bool]:
    seen: set[str] = set()
    fresh = [True] * len(jobs)
    for i, job in enumerate(jobs):
        fresh[i] = job.job_id not in seen
        seen.add(job.job_id)
    is_repeated = False
    while True:
        chosen = [job for job, new in zip(jobs, fresh, strict=True) if new]
        messages = await _messages(store, chosen)
        if not messages:
            _tell(store, jobs, fresh)
            return fresh
        try:
            last = await commit(
                store.wire, store.names.space.jobs, messages, is_gone=_doubt_of_many(store, chosen)
            )
            break
        except Conflict as rival:
            existing = await find_still(store, [j.job_id for j in chosen])
            # By one look: a server of a cluster that is behind may know none of them, the next all,
            # and then they would count as taken by others and be stored under other ids.
            is_repeated = is_repeated or rival.repeated
            if is_repeated and _is_any_own(existing, chosen):
                _tell(store, jobs, fresh)
                return fresh
            missing = [j for j in chosen if j.job_id not in existing]
            removed = await tombstones(store, [j.job_id for j in missing])
            for job in missing:
                await stand_behind(store, job, removed.get(job.job_id, 0))
            fresh = [n and j.job_id not in existing for j, n in zip(jobs, fresh, strict=True)]
    _tell(store, jobs, fresh, last and last - len(chosen) + 1)
    return fresh


def _tell(store: QueueStore, jobs: Sequence[NewJob], fresh: Sequence[bool], seq: int = 0) -> None:
    """Listeners hear in the order of the call, of duplicates as well; `seq` is the first one's."""
    with collector_paused():
        for job, new in zip(jobs, fresh, strict=True):
            if new:
                if job.on_stored is not None:
                    job.on_stored(seq)
                seq += seq > 0
            elif job.on_stored is not None and not job.generated:
                store.emit("duplicated", jobId=job.job_id)


async def _messages(store: QueueStore, jobs: Sequence[NewJob]) -> list[Message]:
    messages: list[Message] = []
    for at in range(0, len(jobs), _TURN):
        with collector_paused():
            messages += [message_for(store, job) for job in jobs[at : at + _TURN]]
        await asyncio.sleep(0)
    return messages


async def tombstones(store: QueueStore, job_ids: Sequence[str]) -> dict[str, int]:
    """Sequences of what removed jobs of these ids left, by id."""
    found = await read_last(store, [store.names.job(GONE, job_id) for job_id in job_ids])
    return {last_token(message.subject): message.seq for message in found}


__all__ = [
    "NewJob",
    "add",
    "add_many",
    "add_together",
    "doubt_of",
    "is_any_stored",
    "is_free_again",
    "is_stored",
    "make_ready",
    "message_for",
    "stand_behind",
    "tombstones",
]
