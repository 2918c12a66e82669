"""What is told of a family whose jobs are removed.

They are removed side by side, and told in BullMQ's order: a job behind its children, and that they
let it go before what is told of the last of them.
"""

from __future__ import annotations

from jetbull.ledger.store.store import QueueStore

Told = tuple[QueueStore, dict[str, str]]
"""An event, and the store of the queue it belongs to."""
Rows = list["Told | Rows"]
"""Of a job: a list for each child, then its own event."""


def removed(store: QueueStore, job_id: str, state: str) -> Told:
    """That a job is gone: the one event that calls the line by the name of its Redis key."""
    prev = "wait" if state == "waiting" else state
    return store, {"event": "removed", "jobId": job_id, "prev": prev}


def add_removed(store: QueueStore, job_id: str, state: str, rows: Rows, is_let_go: bool) -> None:
    """Adds a job that is gone to what is told of its children. `is_let_go`: it waited for them, and
    the last of them let it go.
    """
    if is_let_go:
        state = "waiting"
        last = rows[-1] if rows and isinstance(rows[-1], list) else rows
        args = {"event": "waiting", "jobId": job_id, "prev": "waiting-children"}
        last.insert(0, (store, args))
    rows.append(removed(store, job_id, state))


def tell(rows: Rows) -> None:
    """Writes all of them, in their order."""
    for row in rows:
        if isinstance(row, list):
            tell(row)
        else:
            row[0].emit(**row[1])


__all__ = ["Rows", "Told", "add_removed", "removed", "tell"]
