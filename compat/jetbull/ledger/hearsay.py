"""What the events tell of a job, where its own messages do not."""

from __future__ import annotations

from jetbull.ledger.events import decode
from jetbull.ledger.store import QueueStore

_ENDS = frozenset({"completed", "failed", "removed"})
_PAGE = 256


async def ended_since(store: QueueStore, job_id: str, moment: str) -> bool:
    """Whether the job completed, failed or was removed after `moment`, the time of a message.

    Events follow the stored step, so there is none of what did not happen; there may be none of
    what did, since old ones go.
    """
    stream, subject = store.names.space.events, store.names.events
    query = {"next_by_subj": subject, "start_time": moment, "batch": _PAGE}
    while True:
        found = await store.wire.get_batch(stream, query)
        for message in found:
            for event in decode(message.data):
                if event.get("jobId") == job_id and event["event"] in _ENDS:
                    return True
        if not found or not found[-1].pending:
            return False
        query = {"next_by_subj": subject, "seq": found[-1].seq + 1, "batch": _PAGE}


__all__ = ["ended_since"]
