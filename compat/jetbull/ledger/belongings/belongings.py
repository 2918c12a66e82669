"""What belongs to a job besides its message: logs, large payloads, books of children, patches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from jetbull.errors import StoreError
from jetbull.ledger.belongings.blobs import is_whole
from jetbull.ledger.messages.clock import parse_ms
from jetbull.ledger.messages.names import GONE, state_of
from jetbull.ledger.messages.record import Record
from jetbull.ledger.messages.tokens import unescape
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Stored

_AT_ONCE = 500  # jobs per question, which names each twice at most
_REQUESTS = 64  # under way
_GRAVES_AT_ONCE = 100
_OWNER = 3  # <root>.<prefix>.<queue>.<id>…
_FEW = 20  # jobs that are asked about without asking whether any job has belongings


async def forget(store: QueueStore, job_ids: Sequence[str]) -> None:
    """Removes all that belongs to jobs that are gone."""
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
    for at in range(0, len(job_ids), _AT_ONCE):
        some = job_ids[at : at + _AT_ONCE]
        rooms: list[Coroutine[Any, Any, None]] = []
        if logged:
            rooms.append(_purge(store, space.logs, [names.log(i) for i in some]))
        if bulky:
            rooms.append(_purge(store, space.objects, [names.object(i, ">") for i in some]))
        beside = [names.dependencies(i) for i in some] if families else []
        if store.may_be_patched:
            beside += [names.aux("patch", i) for i in some]
        if beside:
            rooms.append(_forget_exactly(store, beside))
        await store.wire.together(*rooms)


async def forget_left(store: QueueStore, graves: Mapping[str, Stored]) -> None:
    """Removes what belonged to removed jobs, where the process that removed them died before it did
    so. `graves` are their tombstones, by id; what is younger belongs to a new job of the id.
    """
    space, names, ids = store.names.space, store.names, list(graves)
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
                grave = graves[unescape(left.subject.split(".")[_OWNER])]
                if parse_ms(left.time) <= parse_ms(grave.time):
                    body = {"filter": left.subject, "seq": left.seq + 1}
                    await store.wire.api(f"STREAM.PURGE.{stream}", body)


async def forget_if_gone(store: QueueStore, job_id: str) -> None:
    """Removes what was just put beside a job that somebody else removed meanwhile."""
    newest = await store.newest(job_id)
    if newest is None or state_of(newest.subject) == GONE:
        await forget(store, [job_id])


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


async def delete(store: QueueStore, seqs: Iterable[int]) -> None:
    """Removes messages of the jobs stream one by one.

    A purge of several makes the server count anew for every consumer there is, which takes half a
    second with a few hundred of them.
    """
    left = list(seqs)
    for at in range(0, len(left), _REQUESTS):
        await store.wire.together(*(store.delete(seq) for seq in left[at : at + _REQUESTS]))


async def _forget_exactly(store: QueueStore, patterns: list[str]) -> None:
    found = await _matching(store, store.names.space.jobs, patterns)
    if found is not None:
        await delete(store, [m.seq for m in found])
        return
    for pattern in patterns:
        await store.purge(pattern)


async def _purge(store: QueueStore, stream: str, patterns: list[str]) -> None:
    """Purges those of the patterns that match anything; hardly any job has belongings."""
    found = await _matching(store, stream, patterns)
    if found is not None:
        roots = {_root(m.subject) for m in found}
        patterns = [p for p in patterns if _root(p) in roots]
    for at in range(0, len(patterns), _REQUESTS):
        await asyncio.gather(
            *(
                store.wire.api(f"STREAM.PURGE.{stream}", {"filter": pattern})
                for pattern in patterns[at : at + _REQUESTS]
            )
        )


async def _matching(store: QueueStore, stream: str, patterns: list[str]) -> list[Stored] | None:
    """The last message of each subject; None when there are more than come in one answer."""
    try:
        return await store.wire.get_batch(stream, {"multi_last": patterns})
    except StoreError:
        return None


def _root(subject: str) -> str:
    """Up to the job's id: `<root>.<prefix>.<queue>.<id>`."""
    return ".".join(subject.split(".", 4)[:4])


__all__ = ["delete", "forget", "forget_if_gone", "forget_left", "let_go"]
