"""What belongs to a job besides its message: logs, large payloads, books of children, patches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from jetbull.errors import StoreError
from jetbull.ledger.belongings.blobs import is_whole
from jetbull.ledger.messages.clock import parse_ms
from jetbull.ledger.messages.names import GONE, last_token, owner_of, state_of
from jetbull.ledger.messages.record import Record
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_AT_ONCE = 500  # jobs per question, which names each twice at most
_REQUESTS = 64  # under way
_GRAVES_AT_ONCE = 100
_REMOVED = b"{}\n"  # so begins the tombstone of a job that somebody removed
_FEW = 20  # jobs that are asked about without asking whether any job has belongings


class Piece(NamedTuple):
    """Something that belongs to a job: up to `end` (exclusive) on `pattern`, or without one the
    single message before `end`.
    """

    stream: str
    pattern: str
    end: int


Found = dict[str, list[Piece]]
"""What belongs to jobs, by id."""


async def look(store: QueueStore, job_ids: Sequence[str]) -> Found:
    """What belongs to the jobs now.

    To be asked before they are removed: from then on the ids are free, and what is there may be a
    new job's.
    """
    space, names = store.names.space, store.names
    logged, bulky, families = store.logged, store.bulky, store.families
    if not store.informed:
        logged = bulky = families = True
        if len(job_ids) > _FEW:
            logged, bulky, families = await asyncio.gather(
                _any(store, space.logs, names.all_logs()),
                _any(store, space.objects, names.all_objects()),
                _any(store, space.jobs, names.all_dependencies()),
            )
    found: Found = {}
    for at in range(0, len(job_ids), _AT_ONCE):
        some = job_ids[at : at + _AT_ONCE]
        rooms: list[Coroutine[Any, Any, None]] = []
        if logged:
            rooms.append(_look_in(store, found, space.logs, {names.log(i): i for i in some}))
        if bulky:
            objects = {names.object(i, ">"): i for i in some}
            rooms.append(_look_in(store, found, space.objects, objects))
        beside = {names.dependencies(i): i for i in some} if families else {}
        if store.may_be_patched:
            beside |= {names.aux("patch", i): i for i in some}
        if beside:
            rooms.append(_look_beside(store, found, beside))
        if rooms:
            await store.wire.together(*rooms)
    return found


async def remove(store: QueueStore, found: Found, job_ids: Iterable[str] | None = None) -> None:
    """Removes what was found, of all the jobs or of those; nothing that was stored since."""
    if not found:
        return
    kept = found.values() if job_ids is None else (found.get(i, ()) for i in job_ids)
    pieces = [piece for some in kept for piece in some]
    await delete(store, [piece.end - 1 for piece in pieces if not piece.pattern])
    purges = [piece for piece in pieces if piece.pattern]
    for at in range(0, len(purges), _REQUESTS):
        await store.wire.together(*(_purge(store, *p) for p in purges[at : at + _REQUESTS]))


async def forget_left(store: QueueStore, tombstones: Mapping[str, StoredMessage]) -> None:
    """Removes what belonged to removed jobs, where the process that removed them died before it did
    so. `tombstones` are theirs, by id; what is younger belongs to a new job of the id.
    """
    space, names, ids = store.names.space, store.names, list(tombstones)
    for stream, pattern, trait in (
        (space.logs, names.log, store.logged),
        (space.objects, partial(names.object, part=">"), store.bulky),
        (space.jobs, names.dependencies, store.families),
    ):
        if store.informed and not trait:
            continue
        for at in range(0, len(ids), _GRAVES_AT_ONCE):
            patterns = [pattern(job_id) for job_id in ids[at : at + _GRAVES_AT_ONCE]]
            found = await _matching(store, stream, patterns)
            if found is None:  # too many for one answer
                each = [await _matching(store, stream, [single]) for single in patterns]
                found = [message for some in each for message in some or ()]
            for left in found:
                tombstone = tombstones[owner_of(left.subject)]
                if parse_ms(left.time) <= parse_ms(tombstone.time):
                    body = {"filter": left.subject, "seq": left.seq + 1}
                    await store.wire.api(f"STREAM.PURGE.{stream}", body)


async def forget_tickets(store: QueueStore, tombstones: Mapping[str, StoredMessage]) -> None:
    """Removes the messages that removed jobs had before, where the process that removed them died
    before it did so. `tombstones` are by id, however young.
    """
    # One that ended by itself left nothing but its ticket, which whoever ran it sees to.
    ids = [
        job_id for job_id, tombstone in tombstones.items() if tombstone.data.startswith(_REMOVED)
    ]
    found = await read_last(store, [store.names.any_state(job_id) for job_id in ids])
    await delete(store, [m.seq for m in found if m.seq < tombstones[last_token(m.subject)].seq])


async def forget_if_gone(store: QueueStore, job_id: str) -> None:
    """Removes what was just put beside a job that somebody else removed meanwhile."""
    found = await look(store, [job_id])
    newest = await store.newest(job_id)
    if newest is None or state_of(newest.subject) == GONE:
        await remove(store, found)


def let_go(store: QueueStore, job_id: str, record: Record) -> None:
    """Removes what belongs to a job that is not stored after all, since another one stands for it.

    Nothing is waited for: the login of a producer may not be allowed to remove anything.
    """
    if (is_whole(record) and not record.head.get("attemptsStarted")) or not store.wire.is_connected:
        return
    space, names = store.names.space, store.names
    for stream, pattern in (
        (space.objects, names.object(job_id, ">")),
        (space.logs, names.log(job_id)),
    ):
        body = json.dumps({"filter": pattern}).encode()
        store.wire.send_now(f"$JS.API.STREAM.PURGE.{stream}", body)


async def _any(store: QueueStore, stream: str, pattern: str) -> bool:
    return await store.wire.get_one(stream, {"last_by_subj": pattern}) is not None


async def delete(store: QueueStore, seqs: Iterable[int]) -> list[bool]:
    """Removes messages of the jobs stream one by one; which of them were there.

    A purge of several makes the server count anew for every consumer there is, which takes half a
    second with a few hundred of them.
    """
    left, were_there = list(seqs), list[bool]()
    for at in range(0, len(left), _REQUESTS):
        some = left[at : at + _REQUESTS]
        were_there += await store.wire.together(*(store.delete(seq) for seq in some))
    return were_there


async def _look_in(
    store: QueueStore, found: Found, stream: str, patterns: Mapping[str, str]
) -> None:
    """Finds what is on the patterns, of which each is that of one job."""
    if len(patterns) > _FEW:
        last = await _matching(store, stream, [*patterns])
    else:  # not the large ones whole, only to know that they are there
        last = None
    if last is None:
        last = await _last_of_each(store, stream, patterns)
    ends: dict[str, int] = {}
    for message in last:
        root = _root(message.subject)
        ends[root] = max(ends.get(root, 0), message.seq + 1)
    for pattern, job_id in patterns.items():
        if end := ends.get(_root(pattern)):
            found.setdefault(job_id, []).append(Piece(stream, pattern, end))


async def _look_beside(store: QueueStore, found: Found, patterns: Mapping[str, str]) -> None:
    """As `_look_in`, of the jobs stream, where single messages are removed (see `delete`)."""
    stream, owners = store.names.space.jobs, {_owner(p): i for p, i in patterns.items()}
    last = await _matching(store, stream, [*patterns])
    for message in last or ():
        job_id = owners[_owner(message.subject)]
        found.setdefault(job_id, []).append(Piece(stream, "", message.seq + 1))
    if last is None:
        for pattern, job_id in patterns.items():
            for message in await _last_of_each(store, stream, [pattern]):
                found.setdefault(job_id, []).append(Piece(stream, pattern, message.seq + 1))


async def _last_of_each(
    store: QueueStore, stream: str, patterns: Iterable[str]
) -> list[StoredMessage]:
    asked = [store.wire.get_one(stream, {"last_by_subj": pattern}) for pattern in patterns]
    found = [await asked[0]] if len(asked) == 1 else await store.wire.together(*asked)
    return [message for message in found if message is not None]


async def _purge(store: QueueStore, stream: str, pattern: str, end: int) -> None:
    await store.wire.api(f"STREAM.PURGE.{stream}", {"filter": pattern, "seq": end})


async def _matching(
    store: QueueStore, stream: str, patterns: list[str]
) -> list[StoredMessage] | None:
    """The last message of each subject; None when there are more than come in one answer."""
    try:
        return await store.wire.get_batch(stream, {"multi_last": patterns})
    except StoreError:
        return None


def _root(subject: str) -> str:
    """Up to the job's id: `<root>.<prefix>.<queue>.<id>`."""
    return ".".join(subject.split(".", 4)[:4])


def _owner(subject: str) -> str:
    """Of dependencies or a patch, what tells the job: `<root>.<prefix>.<queue>.(patch.)<id>`."""
    parts = subject.split(".", 5)
    return ".".join(parts[: 5 if parts[0] == "jbq" else 4])


__all__ = [
    "Found",
    "delete",
    "forget_if_gone",
    "forget_left",
    "forget_tickets",
    "let_go",
    "look",
    "remove",
]
