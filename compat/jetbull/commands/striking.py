"""A waiting job off the line in one way to the server: its ticket and its tombstone at once.

A purge is done, nearly always, before what was sent behind it is stored. So the tombstone does not
expect the ticket but that nothing of the job is there. A worker's claim still expects the ticket:
the claim is stored first, and the tombstone is refused, or the claim is.
"""

from __future__ import annotations

from jetbull.errors import Conflict, StoreError
from jetbull.ledger.belongings.belongings import forget
from jetbull.ledger.job import late
from jetbull.ledger.job.moving import transition
from jetbull.ledger.messages.names import PRIO, WAIT, lane_of, state_of
from jetbull.ledger.messages.placing import REMOVED, turn
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.store import QueueStore


def is_plain_ticket(store: QueueStore, found: Stored) -> bool:
    """Whether the job can be struck off: it waits, was not delayed before, and nobody has to learn
    that it is gone should the server be killed between the two. In a cluster nothing says which
    comes first.
    """
    state = state_of(found.subject)
    is_in_line = state == PRIO or (state == WAIT and lane_of(found.subject) == turn("r"))
    is_free = "parent" not in found.record.given
    return is_in_line and is_free and not late.fired(found) and not store.wire.is_clustered


async def strike(store: QueueStore, job_id: str, found: Stored) -> None:
    """Removes a waiting job and all that belongs to it; `Conflict` when it is not as it was found.

    What belongs to it goes last: a worker that takes the job in this moment needs it.
    """
    purged, refusal = await store.wire.together(
        store.purge(found.subject, seq=found.seq + 1),
        _refusal(store, job_id, found),
    )
    newest = await store.newest(job_id) if refusal else None
    if isinstance(refusal, Conflict) and purged and newest is None:  # the purge came second
        refusal = await _refusal(store, job_id, found)
        newest = await store.newest(job_id) if refusal else None
    if refusal is not None:
        # A full store takes no tombstone: without its ticket the job is gone as well.
        is_there = newest is not None and Record.read(newest.data).same_job(found.record)
        if is_there or not purged:
            raise refusal
    await forget(store, [job_id])


async def _refusal(store: QueueStore, job_id: str, found: Stored) -> StoreError | None:
    nothing = found._replace(seq=0)
    grave = transition(store, job_id, nothing, found.record.with_head({}), REMOVED)
    try:
        await store.put(grave.subject, grave.payload, grave.headers)
    except StoreError as refusal:
        return refusal
    return None


__all__ = ["is_plain_ticket", "strike"]
