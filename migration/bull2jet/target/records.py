"""A job as the ledger's record, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bull2jet.model import Job, QueueRef, State
from jetbull.errors import ConfigurationError, StoreError
from jetbull.ledger.messages.names import Space, public_state_of
from jetbull.ledger.messages.placing import DONE, WAITING_CHILDREN, Place, delayed, waiting
from jetbull.ledger.messages.record import NO_JOB, Record, Stored, dumps
from jetbull.ledger.parents import parentage

#: field of the record's second line that says who stored the job
MARK = "carriedFrom"
#: what comes of reading a message that no such program wrote, or whose chunks are not whole
UNREADABLE = (AttributeError, LookupError, RecursionError, TypeError, ValueError, StoreError)
_LONGEST_SUBJECT = 3500  # of the 4,096 bytes of a protocol line
_HEAD_NUMBERS = ("delay", "priority", "attemptsMade", "attemptsStarted", "stalledCounter")
_HEAD_OPTIONAL = ("processedOn", "finishedOn", "failedReason", "deferredFailure", "processedBy")
_HEAD_JSON = ("progress", "returnvalue")


def record_of(job: Job, queue: QueueRef, *, marked: bool = True) -> Record:
    """The record of a carried job; the data stays the same text.

    Without the mark for what Redis does not list as a job.
    """
    fixed: dict[str, Any] = {
        "name": job.name,
        "timestamp": job.timestamp,
        "opts": dict(job.opts),
    }
    if marked:
        fixed[MARK] = "redis"
    if job.parent:
        fixed["parent"] = parentage.link(queue.prefix, job.parent)
        fixed["parentKey"] = job.parentKey or f"{job.parent['queueKey']}:{job.parent['id']}"
    if job.repeatJobKey:
        fixed["repeatJobKey"] = job.repeatJobKey
    if job.deduplicationId:
        fixed["deduplicationId"] = job.deduplicationId
    head: dict[str, Any] = {}
    for name in _HEAD_NUMBERS:
        if getattr(job, name):
            head[name] = getattr(job, name)
    for name in _HEAD_OPTIONAL:
        if getattr(job, name) is not None:
            head[name] = getattr(job, name)
    for name in _HEAD_JSON:
        if getattr(job, name) is not None:
            head[name] = json.loads(getattr(job, name))
    if job.stacktrace:
        head["stacktrace"] = list(job.stacktrace)
    return Record.new(fixed, job.data.encode("utf-8", "surrogatepass"), head)


def place_of(job: Job) -> Place:
    """Where a carried job stands. Waiting jobs keep the order they are stored in."""
    match job.state:
        case State.WAITING:
            return waiting()
        case State.PRIORITIZED:
            return waiting(max(1, job.priority))
        case State.DELAYED:
            return delayed(job.due or 0, job.priority)
        case State.WAITING_CHILDREN:
            return WAITING_CHILDREN
        case State.COMPLETED | State.FAILED:
            return DONE[job.state.value]
        case State.ACTIVE:
            raise ValueError(f"The job {job.id!r} is active: nobody holds its lease on the target.")


def job_of(job_id: str, stored: Stored) -> Job:
    """The job a stored record describes, without logs and children."""
    state, record = State(public_state_of(stored.subject)), stored.record
    spoilt = str(record.head.get("deferredFailure"))
    if spoilt.startswith(NO_JOB):
        raise ValueError(spoilt.removeprefix(f"{NO_JOB}: "))
    due = int(record.head["due"]) if state is State.DELAYED else None
    return job_in(state, job_id, record, record.data, due)


def unreadable(job_id: str, stored: Stored, error: Exception) -> Job:
    """What stands for a job that cannot be read because of `error`, as it does for its worker."""
    record = Record({}, b"", b"")
    record.spoil(stored.record.encode(), error)
    job = job_in(State(public_state_of(stored.subject)), job_id, record, record.data)
    return replace(job, unreadable=str(error) or type(error).__name__)


def is_carried(record: Record) -> bool:
    """Whether bull2jet stored the job, as far as its record can be read."""
    try:
        return MARK in record.given
    except UNREADABLE:
        return False


def job_in(state: State, job_id: str, record: Record, data: bytes, due: int | None = None) -> Job:
    """The job of a record that stands, or will stand, in a state."""
    given, head = record.given, record.head
    link = given.get("parent")
    parent = None
    if link and not head.get("orphaned"):
        parent = {"id": link.get("id"), "queueKey": _told(link)}
    return Job(
        id=job_id,
        state=state,
        position=0,
        name=str(given["name"]),
        data=data.decode("utf-8", "surrogatepass"),
        opts=given.get("opts") or {},
        timestamp=int(given["timestamp"]),
        delay=int(head.get("delay") or 0),
        priority=int(head.get("priority") or 0),
        attemptsMade=int(head.get("attemptsMade") or 0),
        attemptsStarted=int(head.get("attemptsStarted") or 0),
        stalledCounter=int(head.get("stalledCounter") or 0),
        progress=dumps(head["progress"]) if "progress" in head else None,
        returnvalue=dumps(head["returnvalue"]) if "returnvalue" in head else None,
        failedReason=head.get("failedReason"),
        processedOn=head.get("processedOn"),
        finishedOn=head.get("finishedOn"),
        deferredFailure=head.get("deferredFailure"),
        processedBy=head.get("processedBy"),
        stacktrace=tuple(head.get("stacktrace") or ()),
        parent=parent,
        parentKey=given.get("parentKey") if parent else None,
        repeatJobKey=given.get("repeatJobKey"),
        deduplicationId=given.get("deduplicationId"),
        due=due,
    )


def _told(link: Mapping[str, Any]) -> Any:
    """The queue where the child's end will be told, which the ledger keeps in two parts."""
    key = link.get("queueKey")
    parts = f"{link.get('prefix')}:{link.get('queue')}"
    return key if key == parts.removeprefix(":") else parts


def refusal(job: Job, queue: QueueRef, limit: int) -> str | None:
    """Why the ledger cannot hold the job, or None; `plan` asks before anything is written.

    `limit` is the largest message in bytes that the server takes.
    """
    try:
        _check_size(record_of(job, queue), limit)
        names = Space(queue.prefix).queue(queue.name)
        for child in (*job.family.pending, *job.family.processed, *job.family.failed):
            check_subject(names.dependency("processed", job.id, child))
        check_subject(names.job("completed", job.id))
    except (ConfigurationError, ValueError) as error:
        return str(error).rstrip(".")
    return None


def _check_size(record: Record, limit: int) -> None:
    """A job's message is stored with each of its steps: half of it is left to what they add.

    Data, progress and return value do not count: when large, they lie beside the job.
    """
    head = {name: value for name, value in record.head.items() if name not in _HEAD_JSON}
    size = len(Record(head, record.fixed, b"").encode())
    if size > limit // 2:
        raise ValueError(
            f"name, options, reason and stack traces have {size:,} bytes, and in a message of "
            f"{limit:,} is room for {limit // 2:,}; raise max_payload in the server's configuration"
        )


def check_subject(subject: str) -> None:
    """`ValueError` when NATS takes no subject so long."""
    if len(subject) > _LONGEST_SUBJECT:
        raise ValueError(
            f"prefix, queue and id together make a subject of {len(subject)} bytes, and NATS takes "
            f"{_LONGEST_SUBJECT}"
        )


__all__ = [
    "UNREADABLE",
    "check_subject",
    "is_carried",
    "job_in",
    "job_of",
    "place_of",
    "record_of",
    "refusal",
    "unreadable",
]
