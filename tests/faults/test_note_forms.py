"""What a note or a part of a large insertion holds is read back as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jetbull import Queue
from jetbull.commands.preparing import prepare
from jetbull.job import Job
from jetbull.ledger.adding import deduplication
from jetbull.ledger.adding.insertion import Entry, decode, encode_plain
from jetbull.ledger.messages.placing import placed
from jetbull.ledger.parents.parentage import parent_of

_NAMES = ["plain", 'a "name"\n', "имя", "\ud800"]


async def entry_of(queue: Queue, name: str, **opts: Any) -> Entry:
    store = await queue.ledger()
    new = await prepare(store, Job(queue, name, {"name": name}, opts))
    return Entry(store, new, parent=await parent_of(store, new.record, new.job_id))


def child_of(queue: Queue, parent_id: str) -> dict[str, Any]:
    return {"parent": {"id": parent_id, "queue": queue.qualifiedName}}


@pytest.mark.parametrize("name", _NAMES)
async def test_what_is_read_of_an_insertion_is_what_was_written(queue: Queue, name: str) -> None:
    store = await queue.ledger()
    entries = [
        await entry_of(queue, name),
        await entry_of(queue, name, delay=60_000, priority=3),
        await entry_of(queue, name, jobId="mine", lifo=True),
        await entry_of(queue, name, **child_of(queue, "a:b.c")),
        await entry_of(queue, name, **child_of(queue, name)),
        await entry_of(queue, name, **child_of(queue, name)),
    ]
    entries[0].along.append(deduplication.message(store, name, "1", 0, 7))
    entries[4].job.tombstone = 12
    entries[5].stored = False
    found = await decode(store, b"".join(entry.encode() for entry in entries))
    for read, written in zip(found, entries, strict=True):
        assert read.stored == written.stored
        assert read.job.generated == written.job.generated
        assert read.job.tombstone == written.job.tombstone
        assert read.messages() == written.messages()
        assert read.size == written.size == len(written.messages())


async def test_plain_jobs_are_written_as_each_by_itself(queue: Queue) -> None:
    store = await queue.ledger()
    entries = [await entry_of(queue, name, priority=n) for n, name in enumerate(_NAMES)]
    entries[1].job.tombstone = 3
    jobs = [entry.job for entry in entries]
    records = [placed(job.record, job.place, job.tombstone).encode() for job in jobs]
    assert list(encode_plain(store, jobs, records)) == [entry.encode() for entry in entries]


async def test_what_an_older_version_wrote_holds_the_waits_of_parents_themselves(
    queue: Queue,
) -> None:
    store = await queue.ledger()
    written = await entry_of(queue, "child", **child_of(queue, "parent"))
    line, record = written.encode().split(b"\n", 1)
    old = json.loads(line)
    assert old.pop("awaited") is True
    old["along"] = [[m.subject, m.payload.decode(), m.headers] for m in written.beside]
    (read,) = await decode(store, json.dumps(old).encode() + b"\n" + record)
    assert read.messages() == written.messages()
