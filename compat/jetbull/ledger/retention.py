"""How long finished jobs stay: by count and by age, as the caller's options say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from jetbull.ledger import parents
from jetbull.ledger.clock import now_ms, parse_ms
from jetbull.ledger.names import FAILED, last_token
from jetbull.ledger.patches import fold, read_patches
from jetbull.ledger.record import Record
from jetbull.ledger.store import QueueStore
from jetbull.ledger.wire import Stored as Message


@dataclass(frozen=True, slots=True)
class Keep:
    """`count` newest jobs (None: no limit) no older than `age_s` seconds (None: any)."""

    count: int | None = None
    age_s: float | None = None
    limit: int = 1000

    @property
    def all(self) -> bool:
        return self.count is None and self.age_s is None

    @property
    def none(self) -> bool:
        return self.count == 0


KEEP_ALL = Keep()
_AT_ONCE = 32

Old = dict[str, Message]
"""Finished jobs to remove, by id."""


async def trim(store: QueueStore, state: str, keep: Keep, newest_id: str) -> None:
    """Removes what the policy no longer keeps; runs when a job of that state finished."""
    if keep.none:
        await forget(store, [newest_id])
        return
    subject = store.names.all_in(state)
    old: Old = {}
    if keep.age_s is not None:
        old |= await _older_than(store, subject, now_ms() - int(keep.age_s * 1000), keep.limit)
    if keep.count is not None:
        old |= await _beyond(store, subject, keep.count)
    if old:
        if state == FAILED:
            await _leave_parents(store, old)
        await _remove_finished(store, old)


async def _leave_parents(store: QueueStore, jobs: Old) -> None:
    """Parents that still wait for a failed child do not wait for one that is removed."""
    patches = await read_patches(store, list(jobs)) if store.patched else {}
    for job_id, message in jobs.items():
        record = fold(Record.decode(message.data), message.seq, patches.get(job_id))
        parent = await parents.parent_of(store, record, job_id)
        if parent is not None and await parents.book(parent, parents.NOTHING, "null"):
            await parents.release(parent.store, parent.job_id, removed=True)


async def _beyond(store: QueueStore, subject: str, count: int) -> Old:
    stream = store.names.space.jobs
    found = await store.wire.get_batch(stream, {"next_by_subj": subject, "seq": 1, "batch": 1})
    if not found or found[0].pending + 1 <= count:
        return {}
    surplus = found[0].pending + 1 - count
    found = await store.wire.get_batch(
        stream, {"next_by_subj": subject, "seq": 1, "batch": min(surplus, 1000)}
    )
    return {last_token(m.subject): m for m in found}


async def _older_than(store: QueueStore, subject: str, cutoff_ms: int, limit: int) -> Old:
    found = await store.wire.get_batch(
        store.names.space.jobs, {"next_by_subj": subject, "seq": 1, "batch": max(1, limit)}
    )
    return {last_token(m.subject): m for m in found if parse_ms(m.time) <= cutoff_ms}


async def _remove_finished(store: QueueStore, jobs: Old) -> None:
    """Removes finished jobs and what belongs to them.

    Up to that sequence, for the job may run again by now; and in every state, for a ticket whose
    ack was lost would run it again later.
    """
    await asyncio.gather(
        *(store.purge(store.names.any_state(i), seq=m.seq + 1) for i, m in jobs.items())
    )
    await forget(store, list(jobs))


async def forget(store: QueueStore, job_ids: list[str]) -> None:
    """Removes logs, large payloads and dependency books of jobs that are gone."""
    names, wire = store.names, store.wire
    for stream, subject in ((names.space.logs, names.log), (names.space.objects, None)):
        info = await wire.api(f"STREAM.INFO.{stream}")
        if int(info["state"]["messages"]) == 0:
            continue
        targets = [subject(i) if subject else names.object(i, ">") for i in job_ids]
        for at in range(0, len(targets), _AT_ONCE):
            some = targets[at : at + _AT_ONCE]
            await asyncio.gather(
                *(wire.api(f"STREAM.PURGE.{stream}", {"filter": target}) for target in some)
            )
    if store.patched:
        for job_id in job_ids:
            await store.purge(names.aux("patch", job_id))
    if await wire.get_one(names.space.jobs, {"last_by_subj": names.all_dependencies()}):
        for job_id in job_ids:
            await store.purge(names.dependencies(job_id))
