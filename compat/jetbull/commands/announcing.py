"""The events of jobs that enter the queue or leave its line, told right behind the transition."""

from __future__ import annotations

from collections.abc import Iterable

from jetbull.ledger.messages.names import CHILDREN, DELAYED, PRIO, WAIT, state_of
from jetbull.ledger.messages.placing import Place
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import events


def announce(store: QueueStore, job_id: str, record: Record, place: Place) -> None:
    """The events of a stored new job."""
    store.tell(events.added(job_id, record.name))
    if place.state == DELAYED:
        store.emit("delayed", jobId=job_id, delay=str(place.due_ms))
    elif place.state == CHILDREN:
        store.emit("waiting-children", jobId=job_id)
    elif "delay" in record.head:  # due before it was stored; `announce_start` tells the rest
        due_ms = int(record.given["timestamp"] + record.head["delay"])
        store.emit("delayed", jobId=job_id, delay=str(due_ms))
    else:
        store.tell(events.waiting(job_id))


def announce_many(store: QueueStore, jobs: Iterable[tuple[str, Record, Place]]) -> None:
    """As `announce` for each."""
    texts: list[str] = []
    for job_id, record, place in jobs:
        if place.state not in (CHILDREN, DELAYED) and "delay" not in record.head:
            texts += (events.added(job_id, record.name), events.waiting(job_id))
        else:
            store.tell_all(texts)
            texts = []
            announce(store, job_id, record, place)
    store.tell_all(texts)


def announce_start(store: QueueStore, job_id: str, ticket: Stored, _: int = 0) -> None:
    """The events of a job that a worker took from the line; called when its claim is stored.

    A job that still names its delay was moved there by the server's schedule, which tells nobody.
    """
    head = ticket.record.head
    came_due = "delay" in head and state_of(ticket.subject) in (WAIT, PRIO)
    if came_due and not store.promoter.has_told(job_id, head.get("due", 0)):
        store.emit("waiting", jobId=job_id, prev="delayed")
    store.tell(events.active(job_id))


def announce_taken(store: QueueStore, job_id: str, _: int = 0) -> None:
    """An add whose chosen id another job has; the last argument is what is told of stored jobs."""
    store.emit("duplicated", jobId=job_id)


def announce_duplicate(store: QueueStore, job_id: str, dedup_id: str, owner: str) -> None:
    """An add that another job stands for, by their deduplication id."""
    store.emit("deduplicated", jobId=owner, deduplicationId=dedup_id, deduplicatedJobId=job_id)


def announce_replacement(store: QueueStore, job_id: str, dedup_id: str, owner: str) -> None:
    """A delayed owner of a deduplication id that gave way to a new job."""
    store.emit("removed", jobId=owner, prev="delayed")
    store.emit("deduplicated", jobId=job_id, deduplicationId=dedup_id, deduplicatedJobId=owner)


__all__ = [
    "announce",
    "announce_duplicate",
    "announce_many",
    "announce_replacement",
    "announce_start",
    "announce_taken",
]
