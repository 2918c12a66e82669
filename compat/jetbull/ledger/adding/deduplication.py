"""Deduplication keys: which job stands for a deduplication id, and until when.

A key is a message beside the jobs, stored in one step with its owner: in a batch, or behind a note
that it names, and then the owner may be on its way. It counts while the owner is unfinished, or,
with a time to live, until that is over; a key that no longer counts is simply overwritten, so
nothing breaks when nobody cleans up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jetbull.errors import Conflict
from jetbull.ledger.belongings.belongings import look as look_at_belongings
from jetbull.ledger.belongings.belongings import remove
from jetbull.ledger.belongings.blobs import is_whole
from jetbull.ledger.job.reading import find, find_or_ask, job_of, subjects_of
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import expected, vanish
from jetbull.ledger.messages.names import last_token, public_state_of
from jetbull.ledger.messages.record import Record, Stored, dumps, loads, to_bytes
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.replicas import read_latest
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

log = logging.getLogger("jetbull.ledger")

_KIND = "dedup"


@dataclass(frozen=True, slots=True)
class Key:
    """A stored key: its owner, when it ends (ms, 0: with the owner), its sequence and its note.

    One that was freed by hand has no `owner` any more, and still waits for its `holder` to finish:
    then what is `pending` starts.
    """

    owner: str
    until_ms: int
    seq: int
    holder: str
    pending: dict[str, Any] | None = None
    note: str = ""


async def read(store: QueueStore, dedup_id: str) -> Key | None:
    """The stored key, whether it still counts or not."""
    found = await store.last(store.names.aux(_KIND, dedup_id))
    return None if found is None else _key(found)


async def look(store: QueueStore, dedup_id: str, job_id: str) -> tuple[Key | None, Stored | None]:
    """As `read`, and the job that was its owner the last time, by one question.

    That the job is not there says nothing: it may have moved while the server answered.
    """
    subject = store.names.aux(_KIND, dedup_id)
    found = await read_latest(store, [subject, *subjects_of(store, job_id)])
    key = next((_key(m) for m in found if m.subject == subject), None)
    return key, job_of(store, job_id, [m for m in found if m.subject != subject])


async def read_many(store: QueueStore, dedup_ids: Iterable[str]) -> dict[str, Key]:
    """The stored keys of these ids, by id."""
    subjects = [store.names.aux(_KIND, i) for i in dict.fromkeys(dedup_ids)]
    return {last_token(m.subject): _key(m) for m in await read_last(store, subjects)}


def body_of(found: StoredMessage) -> dict[str, Any]:
    """What the key says; if no such program wrote it, that nobody holds the id."""
    try:
        body = loads(found.data)
        if isinstance(body, dict) and isinstance(body.get("jobId"), str):
            return body
        wrong = "no jobId"
    except ValueError as error:
        wrong = str(error)
    log.error("%s holds no deduplication key and counts for none: %s", found.subject, wrong)
    return {"jobId": "", "freed": True}


def _key(found: StoredMessage) -> Key:
    body = body_of(found)
    holder, until_ms = body["jobId"], body.get("until", 0)
    owner = "" if body.get("freed") else holder
    return Key(owner, until_ms, found.seq, holder, body.get("next"), body.get("note", ""))


def holds(until_ms: int, state: str | None, now: int) -> bool:
    """Whether a key counts at `now`: until its time is over or, without one, while its owner is
    unfinished. `state` is BullMQ's word for where the owner is, None when there is no such job.
    """
    if until_ms:
        return now < until_ms
    return state is not None and state not in ("completed", "failed")


async def counts(store: QueueStore, key: Key) -> bool:
    """Whether the key still holds its id."""
    owner = None if key.until_ms else await find(store, key.owner)
    state = None if owner is None else public_state_of(owner.subject)
    return holds(key.until_ms, state, now_ms())


def remembered(job_id: str, record: Record, before: dict[str, Any] | None) -> dict[str, Any]:
    """What a key keeps of an added job until the key's owner has finished: its `pending`.

    It replaces `before`, the job that was kept until now. If data of that one are stored outside
    its record, nothing else names them any more, so its id is kept as `left`.
    """
    text = record.encode().decode("utf-8", "surrogatepass")
    pending: dict[str, Any] = {"record": text, "id": job_id}
    if before is not None:
        left = superseded(before)
        if not is_whole(Record.decode(before["record"].encode("utf-8", "surrogatepass"))):
            left.append(before["id"])
        if left:
            pending["left"] = left
    return pending


def superseded(pending: dict[str, Any]) -> list[str]:
    """Ids of jobs that were remembered before this one, and left chunks behind."""
    return list(pending.get("left", ()))


def forgotten(pending: dict[str, Any]) -> list[str]:
    """Ids whose chunks go when what was remembered will not become a job any more."""
    return [*superseded(pending), pending["id"]]


async def forget(store: QueueStore, job_ids: list[str]) -> None:
    """Removes the chunks of adds that were kept and will not become jobs.

    Another job may have one of these ids by now: what belongs to it goes when it goes.
    """
    if job_ids:
        found = await look_at_belongings(store, job_ids)
        there = await find_or_ask(store, job_ids)
        await remove(store, found, [job_id for job_id in job_ids if job_id not in there])


def message(
    store: QueueStore,
    dedup_id: str,
    owner: str,
    until_ms: int,
    seq: int,
    extra: Any = None,
    note: str = "",
    freed: bool = False,
) -> Message:
    """Stores or overwrites the key, if it is still as `seq` says (0: there is none)."""
    subject = store.names.aux(_KIND, dedup_id)
    headers = expected(subject, seq)
    if until_ms:
        vanish(headers, max(1, -(-(until_ms - now_ms()) // 1000)))
    body: dict[str, Any] = {"jobId": owner}
    if until_ms:
        body["until"] = until_ms
    if extra is not None:
        body["next"] = extra
    if note:
        body["note"] = note
    if freed:
        body["freed"] = True
    return Message(subject, to_bytes(dumps(body)), headers)


async def write(
    store: QueueStore,
    dedup_id: str,
    owner: str,
    until_ms: int,
    seq: int,
    extra: Any = None,
    freed: bool = False,
) -> bool:
    """Writes the key alone; False when it changed meanwhile."""
    entry = message(store, dedup_id, owner, until_ms, seq, extra, freed=freed)
    try:
        await store.put(entry.subject, entry.payload, entry.headers)
    except Conflict:
        return False
    return True


def is_key(message: Message, store: QueueStore) -> bool:
    """Whether the message is a key of the queue."""
    return message.subject.startswith(store.names.all_aux(_KIND)[:-1])


async def free_by_hand(store: QueueStore, dedup_id: str, owner: str | None = None) -> int:
    """As `free`, but a job that waits for the owner to finish still starts then."""
    counted = 0
    while (key := await read(store, dedup_id)) is not None:
        holder = key.holder if key.pending is None else key.owner
        if not holder or (owner is not None and holder != owner):
            break
        if key.pending is None:
            counted = _counted(key)
            if await _drop(store, dedup_id, key):
                break
        elif await write(store, dedup_id, key.owner, 0, key.seq, key.pending, freed=True):
            return 1
    return counted


async def free(store: QueueStore, dedup_id: str, owner: str | None = None) -> int:
    """Removes the key (of that owner, if given): 1, or 0 when there was none that counts."""
    counted = 0
    while (key := await read(store, dedup_id)) is not None:
        if owner is not None and key.holder != owner:
            break
        counted = _counted(key)
        if await _drop(store, dedup_id, key):
            if key.pending is not None:
                await forget(store, forgotten(key.pending))
            break
    return counted


def _counted(key: Key) -> int:
    """A key whose time is over counts for none, but the server removes it a little later."""
    return 0 if key.until_ms and key.until_ms <= now_ms() else 1


async def _drop(store: QueueStore, dedup_id: str, key: Key) -> bool:
    """Removes the key; False if it was written anew just before, by an add that saw the owner
    alive, or is gone.
    """
    return bool(await store.purge(store.names.aux(_KIND, dedup_id), seq=key.seq + 1))


__all__ = [
    "Key",
    "body_of",
    "counts",
    "forget",
    "forgotten",
    "free",
    "free_by_hand",
    "holds",
    "is_key",
    "look",
    "message",
    "read",
    "read_many",
    "remembered",
    "superseded",
    "write",
]
