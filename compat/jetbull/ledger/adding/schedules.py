"""Scheduler records: one message per scheduler, beside its one pending job.

A record is JSON: `name`, `next` (ms of the pending slot), `ic` (iterations so far), `every` or
`pattern`, `tz`, `limit`, `startDate`, `endDate`, `offset`, and the template (`data`, `opts`). It is
stored in one step with its pending job: in a batch, or behind a note that it names as `note`, and
then the job may be on its way.

A removed scheduler leaves an empty record for an hour: after kill -9 nats-server gives back what
was overwritten a moment before, if what overwrote it has been removed since.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger.adding.adding import NewJob, is_free_again, message_for
from jetbull.ledger.job.moving import ensure_level, transition
from jetbull.ledger.job.reading import job_of, subjects_of
from jetbull.ledger.messages.beside import object_of
from jetbull.ledger.messages.guard import expected, vanish
from jetbull.ledger.messages.names import HEAD, is_schedule, last_token
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.messages.record import Stored, dumps, to_bytes
from jetbull.ledger.store.batch import Message, commit
from jetbull.ledger.store.paging import read_named
from jetbull.ledger.store.replicas import read_latest, up_to_date
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_KIND = "sched"
_REMOVED = b""
_REMOVED_SECONDS = 3600  # longer than the server takes to write down what it holds


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A stored scheduler and the sequence that guards a change of it."""

    id: str
    body: dict[str, Any]
    seq: int

    @property
    def next_ms(self) -> int:
        """When the pending job is due."""
        return int(self.body["next"])

    @property
    def note(self) -> str:
        """The note behind which the pending job was stored, or is to be; "" for none."""
        return str(self.body.get("note", ""))


def job_id_of(scheduler_id: str, slot_ms: int) -> str:
    """BullMQ's id of the job for one slot."""
    return f"repeat:{scheduler_id}:{slot_ms}"


async def read(store: QueueStore, scheduler_id: str) -> Scheduler | None:
    """The scheduler, or None."""
    return (await look(store, scheduler_id))[0]


async def look(store: QueueStore, scheduler_id: str) -> tuple[Scheduler | None, int]:
    """The scheduler, or None, and the sequence that guards the next record of that id."""
    subject = store.names.aux(_KIND, scheduler_id)
    return _scheduler(scheduler_id, await store.last(subject))


async def look_for_both(
    store: QueueStore, scheduler_id: str, job_id: str
) -> tuple[Scheduler | None, int, Stored | None]:
    """As `look`, and the job of that id, by one question.

    That the job is not there says little: it may have moved while the server answered.
    """
    subject = store.names.aux(_KIND, scheduler_id)
    found = await read_latest(store, [subject, *subjects_of(store, job_id)])
    record = next((m for m in found if m.subject == subject), None)
    job = job_of(store, job_id, [m for m in found if m is not record])
    return *_scheduler(scheduler_id, record), job


def _scheduler(scheduler_id: str, found: StoredMessage | None) -> tuple[Scheduler | None, int]:
    if found is None:
        return None, 0
    body = _body(found)
    return None if body is None else Scheduler(scheduler_id, body, found.seq), found.seq


def _body(found: StoredMessage) -> dict[str, Any] | None:
    """What the record says; None for that of a removed scheduler, and for what is none."""
    return None if found.data == _REMOVED else object_of(found.subject, found.data, "next")


async def read_all(store: QueueStore) -> list[Scheduler]:
    """All schedulers, earliest next slot first."""
    pattern = store.names.all_aux(_KIND)
    found = await up_to_date(store, pattern, partial(read_named, store, pattern))
    told = [(m, body) for m in found if (body := _body(m)) is not None]
    schedulers = [Scheduler(last_token(m.subject), body, m.seq) for m, body in told]
    return sorted(schedulers, key=lambda s: (s.next_ms, s.id))


async def save(
    store: QueueStore,
    scheduler_id: str,
    body: dict[str, Any],
    seq: int,
    job: NewJob,
    replaced: tuple[str, Stored] | None = None,
) -> bool:
    """Stores the scheduler, its next job and the removal of the replaced one in one step.

    False when any of them changed meanwhile; nothing is stored then.
    """
    if job.place.level:
        await ensure_level(store, job.place.level)
    while True:
        messages = _messages(store, scheduler_id, body, seq, job, replaced)
        try:
            last = await commit(store.wire, store.names.space.jobs, messages)
            break
        except Conflict:
            if not await is_free_again(store, job):
                return False
    if job.on_stored is not None:
        job.on_stored(last)
    await stored(store, job, messages[-1].subject, replaced)
    return True


async def stored(
    store: QueueStore, job: NewJob, subject: str, replaced: tuple[str, Stored] | None
) -> None:
    """What follows when a job was stored on that subject, maybe for another one."""
    if replaced is not None:
        old = replaced[1]
        if not is_schedule(old.subject) and old.subject != subject:
            await store.purge(old.subject, seq=old.seq + 1)
    if job.place.state == HEAD:
        await store.hint("head")


def message(
    store: QueueStore, scheduler_id: str, body: dict[str, Any], seq: int, note: str = ""
) -> Message:
    """Stores or overwrites the record, if it is still as `seq` says (0: there is none)."""
    subject = store.names.aux(_KIND, scheduler_id)
    body = {k: v for k, v in body.items() if k != "note"}
    if note:
        body["note"] = note
    return Message(subject, to_bytes(dumps(body)), expected(subject, seq))


def is_record(message: Message, store: QueueStore) -> bool:
    """Whether the message is the record of a scheduler of the queue."""
    return message.subject.startswith(store.names.all_aux(_KIND)[:-1])


def _messages(
    store: QueueStore,
    scheduler_id: str,
    body: dict[str, Any],
    seq: int,
    job: NewJob,
    replaced: tuple[str, Stored] | None,
) -> list[Message]:
    entry = message(store, scheduler_id, body, seq)
    if replaced is None:
        return [entry, message_for(store, job)]
    old_id, old = replaced
    if old_id == job.job_id:
        return [entry, transition(store.names, job.job_id, old, job.record, job.place)]
    gone = old.record.with_head({})
    return [entry, transition(store.names, old_id, old, gone, REMOVED), message_for(store, job)]


async def delete(store: QueueStore, known: Scheduler, job: Stored | None) -> bool:
    """Removes the record as it is known, and in the same step its pending delayed `job`; False when
    one of them was changed or removed meanwhile.

    One behind the other, the job of a process that died between them would be nobody's, and run.
    """
    subject = store.names.aux(_KIND, known.id)
    headers = expected(subject, known.seq)
    vanish(headers, _REMOVED_SECONDS)
    try:
        if job is None:
            await store.put(subject, _REMOVED, headers)
        else:
            gone, job_id = job.record.with_head({}), job_id_of(known.id, known.next_ms)
            messages = [
                Message(subject, _REMOVED, headers),
                transition(store.names, job_id, job, gone, REMOVED),
            ]
            await commit(store.wire, store.names.space.jobs, messages)
    except Conflict:
        return False
    return True


__all__ = [
    "Scheduler",
    "delete",
    "is_record",
    "job_id_of",
    "look",
    "look_for_both",
    "message",
    "read",
    "read_all",
    "save",
    "stored",
]
