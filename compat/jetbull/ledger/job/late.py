"""Schedules that fired too late: their job had moved on, and the server stored them all the same.

The server reads a batch of schedules that are due, then stores what each turns into, without a
guard. A step that ends such a schedule in between is stored before the ticket that comes of it, and
the ticket would be the job's newest message: a finished job would run again. So what may fire names
the message it was stored behind (`after`, see `placing.placed`): between that one and its ticket
there is no other, unless the job moved on. With 2,000 locks due at once and 234 outcomes in that
moment, nats-server 2.15 stored 194 such tickets.

A delay may fire into the very line its job was promoted to. There the two have subjects of their
own (`placing.promoted`). In a line of a priority they have the same, which keeps one message: then
the promoted one is gone, and the ticket that fired is the job. A killed server gives the other one
back, so nobody promotes such a job in the moment of its firing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import (
    PRIO,
    SETTLE,
    STALLED,
    WAIT,
    is_schedule,
    last_token,
    state_of,
)
from jetbull.ledger.messages.placing import turn
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_AT_HAND_MS = 10  # a message on its way now may come too late
_FIRING_MS = 1000  # a schedule that has not fired by then does not do so in this moment

LOOK_SECONDS = 0.01  # between two looks whether one has fired

log = logging.getLogger("jetbull.ledger")


def fired(ticket: Stored) -> bool:
    """Whether a schedule became this ticket, and not a step of a client."""
    head = ticket.record.head
    if "after" not in head:  # nearly every ticket
        return False
    state = state_of(ticket.subject)
    return state in (STALLED, SETTLE) or (state in (WAIT, PRIO) and "due" in head)


def is_firing(job: Record) -> bool:
    """Whether the schedule of a delayed job fires about now.

    What takes its place then may become a ticket as well. In one line the two have one subject, and
    which of them overwrote the other a killed server gives back: better to wait for the first.
    """
    left = int(job.head.get("due", 0)) - now_ms()
    return -_FIRING_MS < left < _AT_HAND_MS


async def is_late(store: QueueStore, ticket: Stored) -> bool:
    """Whether the job of a fired ticket had moved on before the ticket was stored."""
    after = ticket.record.head.get("after")
    if after is None:
        return False
    subject = store.names.any_state(last_token(ticket.subject))
    # The leader is asked: a replica that is behind would not know of the step.
    found = await store.wire.get_next(store.names.space.jobs, subject, after + 1)
    if found is not None and found.seq < ticket.seq and _is_schedule_of(found, ticket):
        # The consumer that gave the ticket may be ahead of the stream's leader: there the schedule
        # still stands, and goes when the ticket comes.
        found = await store.wire.get_next(store.names.space.jobs, subject, found.seq + 1)
    return found is not None and found.seq < ticket.seq


def _is_schedule_of(message: StoredMessage, ticket: Stored) -> bool:
    """Whether the message is the one that became the ticket: it was stored behind the same."""
    if not is_schedule(message.subject):
        return False
    return bool(Record.read(message.data).head.get("after") == ticket.record.head["after"])


async def stands_behind(store: QueueStore, newest: Stored, seq: int) -> bool:
    """Whether `newest` fired too late: the job's message `seq` is older, and still there."""
    if not fired(newest) or not int(newest.record.head.get("after", seq)) < seq < newest.seq:
        return False
    return await store.wire.get_at(store.names.space.jobs, seq) is not None


async def promoted_beside(store: QueueStore, jobs: Iterable[tuple[str, Stored]]) -> list[int]:
    """Sequences of the messages to which those of the jobs that fired had been promoted before."""
    subjects = [store.names.job(WAIT, i, turn("-")) for i, stored in jobs if fired(stored)]
    return [message.seq for message in await read_last(store, subjects)]


async def discard(store: QueueStore, ticket: Stored) -> None:
    """Removes a late ticket: the message before it is the truth."""
    log.info("%s fired after its job had moved on; it is dropped", ticket.subject)
    await store.purge(ticket.subject, seq=ticket.seq + 1)


__all__ = [
    "LOOK_SECONDS",
    "discard",
    "fired",
    "is_firing",
    "is_late",
    "promoted_beside",
    "stands_behind",
]
