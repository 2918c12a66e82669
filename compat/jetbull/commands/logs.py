"""A job's log rows: one message each, kept in order."""

from __future__ import annotations

from jetbull import checks
from jetbull.error_code import refused
from jetbull.ledger.belongings.logs import append_row, keep_rows, read_beginning
from jetbull.ledger.job import reading
from jetbull.ledger.store.store import QueueStore
from jetbull.types.results import JobLogs


async def append(
    store: QueueStore, job_id: str, row: str | bytes, keep: int, held: bool = False
) -> int:
    """Appends a row and drops the oldest beyond `keep` (0: keep all); rows kept.

    JobError -1 for an unknown job, unless the caller has it `held`.
    """
    text = row.decode() if isinstance(row, bytes) else checks.label("A row of the log", row)
    if not held and await reading.state(store, job_id) == "unknown":
        raise refused(-1, "addLog", job_id)
    total = await append_row(store, job_id, text)
    if keep and total > keep:
        await keep_rows(store, job_id, keep)
        return keep
    return total


async def clear(store: QueueStore, job_id: str, keep: int) -> None:
    """Drops all rows but the last `keep`."""
    await keep_rows(store, job_id, keep)


async def read(store: QueueStore, job_id: str, start: int, end: int, ascending: bool) -> JobLogs:
    """`{"logs": [...], "count": total}`; inclusive indices, negative ones from the end."""
    is_beginning = ascending and start >= 0 and end >= 0
    rows, size = await read_beginning(store, job_id, end + 1 if is_beginning else None)
    ordered = rows if ascending else rows[::-1]
    first = max(0, start + size if start < 0 else start)
    last = max(-1, end + size) if end < 0 else end
    return {"logs": ordered[first : last + 1], "count": size}


__all__ = ["append", "clear", "read"]
