"""Logs and children of carried jobs: the messages that stand beside a job in the ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from bull2jet.model import Family, Job
from bull2jet.target.records import UNREADABLE
from jetbull.ledger.belongings import blobs
from jetbull.ledger.belongings.logs import read_rows
from jetbull.ledger.messages.guard import HeaderMap
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.messages.record import dumps, to_bytes
from jetbull.ledger.parents.bookkeeping import (
    ELSEWHERE,
    FAILED_KIND,
    PENDING,
    PROCESSED,
    UNSUCCESSFUL,
    pending_message,
)
from jetbull.ledger.store.paging import read_all
from jetbull.ledger.store.replicas import up_to_date
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_WINDOW = 256  # unacknowledged messages at a time
_PAGE = 500
_AT_ONCE = 32

T = TypeVar("T")
#: what was read, and the sequence of its newest message
Dated = tuple[T, int]
Entry = tuple[str, bytes, HeaderMap]


async def write_beside(store: QueueStore, jobs: Iterable[Job]) -> None:
    """Stores logs and children of the jobs."""
    entries: list[Entry] = []
    for job in jobs:
        if job.logs:
            await store.mark("logged")
            subject = store.names.log(job.id)
            entries += [await _entry(store, job.id, subject, row, "") for row in job.logs]
        if job.family:
            await store.mark("families")
            entries += await _family_entries(store, job)
    for start in range(0, len(entries), _WINDOW):
        window = entries[start : start + _WINDOW]
        posted = [await store.wire.post(subject, body, head) for subject, body, head in window]
        await asyncio.gather(*posted)


async def _family_entries(store: QueueStore, job: Job) -> list[Entry]:
    family = job.family
    entries: list[Entry] = []
    for child in family.pending:
        subject, headers = pending_message(store, job.id, child)
        entries.append((subject, ELSEWHERE, headers))
    outcomes = [(PROCESSED, child, dumps(json.loads(v))) for child, v in family.processed.items()]
    outcomes += [(FAILED_KIND, child, dumps(reason)) for child, reason in family.failed.items()]
    outcomes += [(UNSUCCESSFUL, child, dumps(when)) for child, when in family.unsuccessful.items()]
    for kind, child, text in outcomes:
        subject = store.names.dependency(kind, job.id, child)
        entries.append(await _entry(store, job.id, subject, text, "null"))
    return entries


async def _entry(store: QueueStore, owner: str, subject: str, text: str, instead: str) -> Entry:
    """The text as a message; one too large for it lies beside the job, and the message refers."""
    reference = await blobs.write_if_large(store, owner, text)
    if reference is None:
        return subject, to_bytes(text), {}
    return subject, to_bytes(instead), {blobs.REFERENCE_HEADER: reference}


async def read_logs(
    store: QueueStore, ids: Sequence[str]
) -> dict[str, Dated[tuple[str, ...]] | Exception]:
    """Log rows of those jobs that have any, or why they cannot be read."""
    wire, logs = store.wire, store.names.space.logs
    subjects = [store.names.log(job_id) for job_id in ids]
    found: list[StoredMessage] = []
    if wire.is_clustered:  # a server that is behind has not all of them
        asked = await wire.together(*(wire.get_last(logs, subject) for subject in subjects))
        found += [message for message in asked if message is not None]
    else:
        for start in range(0, len(subjects), _PAGE):
            query = {"multi_last": subjects[start : start + _PAGE]}
            found += await wire.get_batch(logs, query)
    newest = {last_token(message.subject): message.seq for message in found}
    read = await _each(store, list(newest), _read_rows)
    return {
        job_id: rows if isinstance(rows, Exception) else (rows, seq)
        for (job_id, seq), rows in zip(newest.items(), read, strict=True)
    }


async def _read_rows(store: QueueStore, job_id: str) -> tuple[str, ...]:
    return tuple(await read_rows(store, job_id))


async def remove_logs(store: QueueStore, job_id: str) -> None:
    """Removes all log rows of a job."""
    subject = {"filter": store.names.log(job_id)}
    await store.wire.api(f"STREAM.PURGE.{store.names.space.logs}", subject)


async def read_families(
    store: QueueStore, ids: Sequence[str]
) -> dict[str, Dated[Family] | Exception]:
    """Children of those jobs that have any, or why they cannot be read."""
    books = store.names.all_dependencies()
    any_family = await store.wire.get_last(store.names.space.jobs, books)
    if any_family is None:
        return {}
    families = await _each(store, list(ids), _read_family)
    return {
        job_id: family
        for job_id, family in zip(ids, families, strict=True)
        if isinstance(family, Exception) or family[0]
    }


async def _read_family(store: QueueStore, parent_id: str) -> Dated[Family]:
    pending: list[str] = []
    processed: dict[str, str] = {}
    failed: dict[str, str] = {}
    unsuccessful: dict[str, int] = {}
    pattern = store.names.dependencies(parent_id)
    found = await up_to_date(store, pattern, partial(read_all, store, pattern))
    for message in found:
        kind, child = message.subject.split(".")[4], last_token(message.subject)
        if kind == PENDING:
            pending.append(child)
            continue
        reference = message.headers.get(blobs.REFERENCE_HEADER)
        data = await blobs.read(store, parent_id, reference) if reference else message.data
        value = json.loads(data) if data else None
        if kind == PROCESSED:
            processed[child] = data.decode("utf-8", "surrogatepass") or "null"
        elif kind == FAILED_KIND:
            failed[child] = str(value)
        elif kind == UNSUCCESSFUL:
            unsuccessful[child] = value if isinstance(value, int) else 0
    newest = max((message.seq for message in found), default=0)
    return Family(tuple(sorted(pending)), processed, failed, unsuccessful), newest


async def _each(
    store: QueueStore, ids: Sequence[str], read: Callable[[QueueStore, str], Awaitable[T]]
) -> list[T | Exception]:
    """What `read` answers for each id, or why it cannot be read; a few questions at a time."""

    async def answer(job_id: str) -> T | Exception:
        try:
            return await read(store, job_id)
        except UNREADABLE as error:
            return error

    answers: list[T | Exception] = []
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        answers += await asyncio.gather(*(answer(job_id) for job_id in part))
    return answers


__all__ = ["Dated", "read_families", "read_logs", "remove_logs", "write_beside"]
