"""All messages of a subject pattern, however many: the server answers 1,024 at most at a time."""

from __future__ import annotations

from jetbull.ledger import wire as _wire
from jetbull.ledger.store.store import QueueStore

_PAGE = 500  # messages per question; the server sends fewer where they are large


async def read_all(store: QueueStore, pattern: str) -> list[_wire.Stored]:
    """Every message of the jobs stream on `pattern`, oldest first."""
    messages: list[_wire.Stored] = []
    seq = 1
    while True:
        found = await store.wire.get_batch(
            store.names.space.jobs, {"next_by_subj": pattern, "seq": seq, "batch": _PAGE}
        )
        messages += found
        if not found or not found[-1].pending:
            return messages
        seq = found[-1].seq + 1


__all__ = ["read_all"]
