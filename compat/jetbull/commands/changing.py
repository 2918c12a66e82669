"""Changing what a stored job holds, in whatever state it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jetbull.error_code import refused
from jetbull.ledger.belongings import blobs
from jetbull.ledger.belongings.belongings import forget_if_gone
from jetbull.ledger.job import patches
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.messages.record import Record, dumps_of, to_bytes
from jetbull.ledger.store.store import QueueStore


async def update_data(
    store: QueueStore, job_id: str, data: Any, lease: Lease | None = None
) -> None:
    """Replaces the caller's data."""
    carrier = Record({}, b"", to_bytes(dumps_of("the data of a job", data)))
    await blobs.externalize(store, job_id, carrier, blobs.room(store))

    def change(record: Record) -> None:
        record.data = carrier.data

    await _rewrite(store, job_id, change, lease, "updateData")


async def update_progress(
    store: QueueStore, job_id: str, progress: Any, lease: Lease | None = None
) -> None:
    """Stores the progress, then tells the listeners."""
    text = dumps_of("the progress of a job", progress)

    reference = await blobs.write_if_large(store, job_id, text)

    def change(record: Record) -> None:
        blobs.set_field(record.head, "progress", progress, reference)

    await _rewrite(store, job_id, change, lease, "updateProgress")
    store.emit("progress", jobId=job_id, data=text)


async def _rewrite(
    store: QueueStore,
    job_id: str,
    change: Callable[[Record], None],
    lease: Lease | None,
    command: str,
) -> None:
    if lease is not None and not lease.ended:
        try:
            await lease.update(change)
        except LeaseLost:
            lease = None
        else:
            return
    if not await patches.rewrite(store, job_id, change):
        await forget_if_gone(store, job_id)  # what is large was put beside it before
        raise refused(-1, command, job_id)


__all__ = ["update_data", "update_progress"]
