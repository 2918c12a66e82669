"""What a crash left among the messages of jobs that wait or run; `Upkeep` looks at them first.

an older message           of a job that has a newer one, which is the truth
a ticket of the past       nats-server was killed and gave back what was removed
a ticket nobody gets       its consumer counts it as done, and the job still waits
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from jetbull.errors import Conflict, StreamMissing
from jetbull.ledger.job import late, patches, reading
from jetbull.ledger.messages.clock import parse_ms
from jetbull.ledger.messages.guard import expected
from jetbull.ledger.messages.names import (
    ACTIVE,
    PRIO,
    SETTLE,
    STALLED,
    WAIT,
    lane_of,
    last_token,
    state_of,
)
from jetbull.ledger.messages.record import Record
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.queue.consumers import line_consumer, repair_consumer
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

log = logging.getLogger("jetbull.workers.upkeep")

STATES = (ACTIVE, WAIT, PRIO, STALLED, SETTLE)
_MOST = 50  # per state and look

IsPast = Callable[[int], bool]


async def look_after(store: QueueStore, state: str, is_past: IsPast) -> None:
    """Puts the first messages of `state` right, those whose time in ms `is_past`.

    These are the next in line of a queue: what is younger is being dealt with by whoever caused it.
    """
    query = {"next_by_subj": store.names.all_in(state), "seq": 1, "batch": _MOST}
    found = await store.wire.get_batch(store.names.space.jobs, query)
    old = {last_token(m.subject): m for m in found if is_past(parse_ms(m.time))}
    newest = await reading.find_many(store, old)
    unchanged: dict[str, StoredMessage] = {}
    for job_id, message in old.items():
        current = newest.get(job_id)
        if current is None:
            continue
        if current.seq == message.seq:
            unchanged[job_id] = message
        # Of one that fired, whoever takes it looks whether it came too late.
        elif current.seq > message.seq and is_past(current.time_ms) and not late.fired(current):
            await store.purge(message.subject, seq=message.seq + 1)
    if state != ACTIVE:
        await _hand_out(store, unchanged)


async def _hand_out(store: QueueStore, tickets: dict[str, StoredMessage]) -> None:
    """Stores those again that their consumer counts as done and whose jobs still wait."""
    floors: dict[str, int] = {}
    for ticket in tickets.values():
        if (name := _consumer(store, ticket)) not in floors:
            floors[name] = await _done_up_to(store, name)
    done = {i: t for i, t in tickets.items() if t.seq <= floors[_consumer(store, t)]}
    # Most of them have begun since they were read, in a queue where much goes on.
    newest = await reading.find_many(store, done)
    for job_id, ticket in done.items():
        current = newest.get(job_id)
        if current is None or current.seq != ticket.seq:
            continue
        may_run = state_of(ticket.subject) != SETTLE
        if may_run and await event_evidence.ended_since(store, job_id, ticket.time):
            # Its other messages are gone as well: it was removed, as `removeOnComplete` does,
            # or has been for long enough. It is not to run once more.
            log.info("job %s has ended; its ticket of the past is dropped", job_id)
            await store.purge(ticket.subject, seq=ticket.seq + 1)
        else:
            await _store_again(store, job_id, ticket)


def _consumer(store: QueueStore, ticket: StoredMessage) -> str:
    """The name of the consumer that hands such tickets out."""
    state = state_of(ticket.subject)
    if state not in (WAIT, PRIO):
        return repair_consumer(store.names)[0]
    return line_consumer(store.names, lane_of(ticket.subject) if state == PRIO else 0)[0]


async def _done_up_to(store: QueueStore, consumer: str) -> int:
    """The sequence up to which a consumer counts all tickets as acknowledged."""
    try:
        info = await store.wire.api(f"CONSUMER.INFO.{store.names.space.jobs}.{consumer}")
    except StreamMissing:
        return 0
    return int(info["ack_floor"]["stream_seq"])


async def _store_again(store: QueueStore, job_id: str, ticket: StoredMessage) -> None:
    headers = expected(store.names.any_state(job_id), ticket.seq)
    data = ticket.data
    if store.may_be_patched and (patch := await patches.last_patch(store, job_id)) is not None:
        data = patches.fold(Record.read(data), ticket.seq, patch).encode()
    try:
        await store.put(ticket.subject, data, headers)
    except Conflict:
        log.debug("job %s has moved on", job_id)
    else:
        log.warning("job %s was handed to nobody; it is handed out now", job_id)


__all__ = ["STATES", "look_after"]
