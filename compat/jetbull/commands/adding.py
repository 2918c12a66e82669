"""From a caller's job to a stored one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from jetbull.commands import linking
from jetbull.commands.draft import Draft
from jetbull.commands.inserting import insert
from jetbull.commands.known import Item
from jetbull.commands.pipelining import store_plain
from jetbull.commands.preparing import prepare, prepare_many
from jetbull.commands.ruling import rule_of
from jetbull.commands.storing import arm, store_one
from jetbull.errors import BatchTooLarge, JobError
from jetbull.ledger.adding.adding import NewJob, add_together
from jetbull.ledger.parents import parentage
from jetbull.ledger.store.store import QueueStore


async def add(store: QueueStore, job: Draft, prepared: NewJob | None = None) -> str:
    """Stores one job; the id of the job that now stands for it. One that is `prepared` has its
    number already.
    """
    rule = rule_of(job.opts) if "deduplication" in job.opts else None
    if job.parent:
        await linking.require_parent(store, job)  # before a number is used up
    new = prepared or await prepare(store, job, whole=rule is not None)
    return await store_one(store, new, rule)


async def add_bulk(store: QueueStore, jobs: Sequence[Draft]) -> list[str]:
    """Stores many jobs in order, as one step: whole or not at all."""
    rules = [rule_of(j.opts) if "deduplication" in j.opts else None for j in jobs]
    have_parents = any(job.parent for job in jobs)
    if have_parents and not await _parents_are_there(store, jobs):
        return await _add_each(store, jobs)
    ids: list[str] | None = None
    is_plain = not have_parents and not any(rules)
    prepared = await prepare_many(store, jobs, whole=not is_plain)
    if is_plain:
        ids = await _add_plain(store, prepared)
    if ids is None:
        items = [
            Item(store, new, rule, await parentage.parent_of(store, new.record, new.job_id))
            for new, rule in zip(prepared, rules, strict=True)
        ]
        near = all(linking.is_near(store, item.parent) for item in items)
        ids = await insert(store, items) if near else None
        if ids is None:
            return await _add_each(store, jobs, prepared)
    for job, job_id in zip(jobs, ids, strict=True):
        job.id = job_id
    return ids


async def _add_plain(store: QueueStore, prepared: Sequence[NewJob]) -> list[str] | None:
    """Jobs that need nothing but a free id; None when the server takes no batch of that size."""
    if await store_plain(store, prepared):
        for new in prepared:
            arm(store, new.job_id, new.place)
        return [new.job_id for new in prepared]
    try:
        with store.wire.pace.timed(False, len(prepared)):
            stored = await add_together(store, prepared)
    except BatchTooLarge:
        return None
    for new, is_new in zip(prepared, stored, strict=True):
        if is_new:
            arm(store, new.job_id, new.place)
        elif new.generated:
            await store_one(store, new, None)
    return [new.job_id for new in prepared]


async def _add_each(
    store: QueueStore, jobs: Sequence[Draft], prepared: Sequence[NewJob] = ()
) -> list[str]:
    for job in jobs:
        if job.parent and job.opts.get("jobId"):
            await linking.require_adoptable(store, job)
    for job, new in zip_longest(jobs, prepared):
        job.id = await add(store, job, new)
    return [str(job.id) for job in jobs]


async def _parents_are_there(store: QueueStore, jobs: Sequence[Draft]) -> bool:
    """False when some come with these very jobs. JobError -5, before any is stored, when one is
    nowhere.
    """
    found, own, all_there = set[str | None](), set[str | None](), True
    for job in jobs:
        if job.parent and job.parentKey not in found:
            found.add(job.parentKey)
            try:
                await linking.require_parent(store, job)
            except JobError:
                if job.parentKey not in own:
                    raise
                all_there = False
        if job.id:
            own.add(f"{store.names.qualified}:{job.id}")
    return all_there


__all__ = ["add", "add_bulk"]
