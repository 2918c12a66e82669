"""Delayed -> waiting, the moment it is due."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from jetbull.errors import Conflict
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import DELAYED
from jetbull.ledger.messages.placing import GRACE_MS, promoted
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage


async def promote_due(store: QueueStore, due: Sequence[tuple[str, int]]) -> None:
    """Promotes those of the jobs (id, due time) that are still delayed until exactly then.

    They join the line in the order given: what a promotion sends first is its move.
    """
    near = [(job_id, due_ms) for job_id, due_ms in due if now_ms() - due_ms <= GRACE_MS]
    found = await store.wire.together(*(_look(store, job_id) for job_id, _ in near))
    moves = (_promote(store, *job, there) for job, there in zip(near, found, strict=True))
    for outcome in await asyncio.gather(*moves, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _look(store: QueueStore, job_id: str) -> StoredMessage | None:
    subject = store.names.job(DELAYED, job_id, "*")
    return await store.wire.get_one(store.names.space.jobs, {"last_by_subj": subject})


async def _promote(
    store: QueueStore, job_id: str, due_ms: int, found: StoredMessage | None
) -> None:
    if found is None:
        return
    stored = as_stored(found)
    if stored.record.head.get("due") != due_ms:
        return
    record = stored.record.copy()
    # In a line of a priority both would have one subject (`late`): not when it is on its way.
    grace_ms = GRACE_MS // 2 if record.priority else GRACE_MS
    if now_ms() - due_ms > grace_ms:
        return  # the schedule fires by now: both would be in the line
    record.head.pop("delay", None)

    def tell(_: int) -> None:
        store.promoter.tell(job_id, due_ms)
        store.emit("waiting", jobId=job_id, prev="delayed")

    with suppress(Conflict):
        await move(store, job_id, stored, record, promoted(record.priority), tell)


__all__ = ["promote_due"]
