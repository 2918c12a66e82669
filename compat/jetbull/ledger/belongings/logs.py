"""Log rows in their own stream: one subject per job, stream order is row order."""

from __future__ import annotations

import asyncio
from time import monotonic
from uuid import uuid4

from jetbull.ledger.belongings import blobs
from jetbull.ledger.store.store import QueueStore

_PAGE = 1000
_PATIENCE = 3.0  # with a server of a cluster that is behind
_PAUSE_SECONDS = 0.005
_ONCE = "Nats-Msg-Id"  # a row whose answer was lost is sent again, and stored once


async def append_row(store: QueueStore, job_id: str, row: str) -> int:
    """Stores a row; the number of rows the job has now."""
    await store.mark("logged")
    reference = await blobs.write_if_large(store, job_id, row)
    text, headers = b"", {_ONCE: uuid4().hex}
    if reference is None:
        text = row.encode("utf-8", "surrogatepass")
    else:
        headers[blobs.REFERENCE_HEADER] = reference
    await store.put(store.names.log(job_id), text, headers)
    return await count_rows(store, job_id)


async def count_rows(store: QueueStore, job_id: str) -> int:
    """How many rows are kept."""
    subject = store.names.log(job_id)
    if not store.wire.is_clustered:  # there is one copy, and this costs half
        query = {"next_by_subj": subject, "seq": 1, "batch": 1}
        found = await store.wire.get_batch(store.names.space.logs, query)
        return found[0].pending + 1 if found else 0
    answer = await store.wire.api(
        f"STREAM.INFO.{store.names.space.logs}", {"subjects_filter": subject}
    )
    return int((answer["state"].get("subjects") or {}).get(subject, 0))


async def keep_rows(store: QueueStore, job_id: str, keep: int) -> None:
    """Drops all but the newest `keep` rows."""
    body: dict[str, object] = {"filter": store.names.log(job_id)}
    if keep > 0:
        body["keep"] = keep
    await store.wire.api(f"STREAM.PURGE.{store.names.space.logs}", body)


async def read_rows(store: QueueStore, job_id: str) -> list[str]:
    """All rows, oldest first."""
    return (await read_beginning(store, job_id, None))[0]


async def read_beginning(store: QueueStore, job_id: str, most: int | None) -> tuple[list[str], int]:
    """The first `most` rows, or all of them; and how many there are."""
    deadline = monotonic() + _PATIENCE
    while True:
        rows, size = await _read_beginning(store, job_id, most)
        if not store.wire.is_clustered or monotonic() > deadline:
            return rows, size
        # A server that is behind lacks the newest rows, which the caller may have stored.
        there = await count_rows(store, job_id)
        if there in (0, size):
            return rows[:there], there
        await asyncio.sleep(_PAUSE_SECONDS)


async def _read_beginning(
    store: QueueStore, job_id: str, most: int | None
) -> tuple[list[str], int]:
    """As `read_beginning`, as one server knows it."""
    rows: list[str] = []
    seq = 1
    while True:
        some = _PAGE if most is None else min(_PAGE, most - len(rows))
        found = await store.wire.get_batch(
            store.names.space.logs,
            {"next_by_subj": store.names.log(job_id), "seq": seq, "batch": some},
        )
        for message in found:
            reference = message.headers.get(blobs.REFERENCE_HEADER)
            data = await blobs.read(store, job_id, reference) if reference else message.data
            rows.append(data.decode("utf-8", "surrogatepass"))
        left = found[-1].pending if found else 0
        if not left or len(rows) == most:
            return rows, len(rows) + left
        seq = found[-1].seq + 1


__all__ = ["append_row", "keep_rows", "read_beginning", "read_rows"]
