"""The front of a line: its first ticket, asked for without any consumer."""

from __future__ import annotations

from jetbull.ledger.job.reading import as_stored, find
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage


async def next_in(store: QueueStore, line: str, start: int) -> StoredMessage | None:
    """The first message of a line from a sequence on, where the front was last seen.

    That may be the first message of the stream by now, from which on the server would go through
    all that wait: so whatever stands there is asked for without a line.
    """
    wire, jobs = store.wire, store.names.space.jobs
    found = await wire.get_one(jobs, {"next_by_subj": ">", "seq": start})
    if found is None or found.subject.startswith(line.partition("*")[0]):
        return found
    return await wire.get_one(jobs, {"next_by_subj": line, "seq": found.seq + 1})


async def first_of(store: QueueStore, level: int) -> Ticket | None:
    """The first ticket of a priority level; level 0 is the line without priorities."""
    line, start = store.names.line(level), store.fronts.get(level, 1)
    found = await next_in(store, line, start) if start > 1 else None
    if found is None:  # none was seen before, or the stream was made anew
        found = await store.wire.get_one(store.names.space.jobs, {"next_by_subj": line, "seq": 1})
    if found is None:
        store.fronts.pop(level, None)
        return None
    store.fronts[level] = found.seq
    return Ticket(as_stored(found))


async def still_waits(store: QueueStore) -> bool:
    """Whether a job is known to wait in a line whose front was seen here: one look, however many
    wait. False says nothing.
    """
    for level in tuple(store.fronts):
        ticket = await first_of(store, level)
        if ticket is not None:
            current = await find(store, last_token(ticket.stored.subject))
            return current is not None and current.seq == ticket.stored.seq
    return False


__all__ = ["first_of", "next_in", "still_waits"]
