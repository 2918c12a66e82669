"""Insertions written down first: whoever goes on with one stores each part exactly once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.commands.inserting import finish_abandoned
from jetbull.commands.preparing import prepare
from jetbull.errors import Conflict
from jetbull.job import Job
from jetbull.ledger.adding import journal as journals
from jetbull.ledger.adding.adding import add
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.journal import Journal
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.batch import commit
from jetbull.ledger.store.paging import read_all
from jetbull.ledger.store.store import QueueStore

from .told import events_of

_JOBS = 25
_MOST = 10  # messages in a batch, two of which are the journal's own


async def entries_of(queue: Queue, **opts: Any) -> list[Entry]:
    store = await queue.ledger()
    made = [Job(queue, f"job {n}", n, dict(opts)) for n in range(_JOBS)]
    return [Entry(store, await prepare(store, job)) for job in made]


async def left_after_one_part(queue: Queue, entries: list[Entry]) -> Journal:
    """A journal whose process died behind its first part."""
    store = await queue.ledger()
    journal, parts = await journals.write(store, entries, _MOST)
    assert [len(part) for part in parts] == [8, 8, 8, 1]
    messages = [*journals.advance(journal), *(m for e in parts[0] for m in e.messages())]
    await commit(store.wire, store.names.space.jobs, messages)
    return journal


async def traces(store: QueueStore) -> list[str]:
    """What is written down of insertions that are not over."""
    open_ones = [j.key for j in await journals.abandoned(store, 0)]
    return open_ones + await list_subjects(store, store.names.all_aux("part"))


async def test_what_is_left_of_a_bulk_is_stored_behind_what_is_there(queue: Queue) -> None:
    store = await queue.ledger()
    await left_after_one_part(queue, await entries_of(queue))
    assert await queue.getWaitingCount() == 8
    await finish_abandoned(store, 0)
    assert [job.data for job in await queue.getWaiting()] == list(range(_JOBS))
    await finish_abandoned(store, 0)
    assert await queue.getWaitingCount() == _JOBS


async def test_several_workers_that_finish_one_bulk_store_each_job_once(
    queue: Queue, shared_url: str
) -> None:
    await left_after_one_part(queue, await entries_of(queue))
    others = [Queue(queue.name, {"connection": shared_url}) for _ in range(3)]
    stores = [await other.ledger() for other in others]
    await asyncio.gather(*(finish_abandoned(store, 0) for store in stores))
    assert sorted(job.data for job in await queue.getWaiting()) == list(range(_JOBS))
    for other in others:
        await other.close()


async def test_jobs_that_ran_and_were_removed_meanwhile_do_not_run_again(
    queue: Queue, shared_url: str
) -> None:
    ran: list[int] = []
    all_ran = asyncio.Event()

    async def process(job: Job[Any, Any], _: str) -> None:
        ran.append(job.data)
        if len(ran) in (8, _JOBS):
            all_ran.set()

    await left_after_one_part(queue, await entries_of(queue, removeOnComplete=True))
    worker = Worker(queue.name, process, {"connection": shared_url})
    await asyncio.wait_for(all_ran.wait(), 10)
    all_ran.clear()
    await finish_abandoned(await queue.ledger(), 0)
    await asyncio.wait_for(all_ran.wait(), 10)
    await worker.close()
    assert sorted(ran) == list(range(_JOBS))


async def test_a_process_that_wakes_up_late_finds_its_bulk_finished(queue: Queue) -> None:
    store = await queue.ledger()
    entries = await entries_of(queue)
    journal, parts = await journals.write(store, entries, _MOST)
    await finish_abandoned(store, 0)
    messages = [*journals.advance(journal), *(m for e in parts[0] for m in e.messages())]
    with pytest.raises(Conflict):
        await commit(store.wire, store.names.space.jobs, messages)
    assert await queue.getWaitingCount() == _JOBS


async def test_what_is_left_of_a_finished_bulk_goes_by_itself(queue: Queue) -> None:
    store = await queue.ledger()
    await left_after_one_part(queue, await entries_of(queue))
    await finish_abandoned(store, 0)
    heads = await read_all(store, store.names.all_aux("bulk"))
    parts = await read_all(store, store.names.all_aux("part"))
    assert [message.headers.get("Nats-TTL") for message in heads] == ["3600s"]
    assert {message.headers.get("Nats-TTL") for message in parts} <= {"1s"}


async def test_a_bulk_that_was_not_written_down_whole_never_happened(queue: Queue) -> None:
    store = await queue.ledger()
    entries = await entries_of(queue)
    journal, _ = await journals.write(store, entries, _MOST)
    # As it was one step before its end.
    await store.put(store.names.aux("bulk", journal.key), b'{"parts": 0, "done": -1}', {})
    await finish_abandoned(store, 0)
    assert await queue.getJobCountByTypes() == 0
    assert await traces(store) == []


async def test_a_bulk_that_was_decided_after_all_is_not_dropped(queue: Queue) -> None:
    store = await queue.ledger()
    journal, _ = await journals.write(store, await entries_of(queue), _MOST)
    # As somebody saw it who looked before its parts were written down.
    await journals.forget(replace(journal, done=-1, seq=journal.seq - journal.parts - 1))
    await journals.clear_strays(store)
    await finish_abandoned(store, 0)
    assert await queue.getWaitingCount() == _JOBS


async def test_an_id_that_was_taken_meanwhile_is_told_as_a_duplicate(queue: Queue) -> None:
    store = await queue.ledger()
    entries = await entries_of(queue)
    entries[20].job.job_id, entries[20].job.generated = "mine", False
    await left_after_one_part(queue, entries)
    await queue.add("other", "first", {"jobId": "mine"})
    await finish_abandoned(store, 0)
    assert await journals.abandoned(store, 0) == []
    waiting = {job.id: job.data for job in await queue.getWaiting()}
    assert (len(waiting), waiting["mine"]) == (_JOBS, "first")
    assert await events_of(store, "duplicated") == [("duplicated", "mine")]


async def test_a_number_that_was_taken_meanwhile_costs_no_job(queue: Queue) -> None:
    entries = await entries_of(queue)
    await left_after_one_part(queue, entries)
    store = await queue.ledger()
    other = await prepare(store, Job(queue, "other", "first", {}))
    other.job_id = entries[20].job.job_id
    assert await add(store, other)
    await finish_abandoned(store, 0)
    waiting = [job.data for job in await queue.getWaiting()]
    assert sorted(map(str, waiting)) == sorted([*map(str, range(_JOBS)), "first"])


async def test_a_part_that_a_killed_server_gave_back_is_removed(queue: Queue) -> None:
    store = await queue.ledger()
    journal = await left_after_one_part(queue, await entries_of(queue))
    await finish_abandoned(store, 0)
    part = store.names.aux("part", f"{journal.key}-2")
    await store.put(part, b"as it was before", {})
    await finish_abandoned(store, 0)
    assert part not in await list_subjects(store, store.names.all_aux("part"))
    assert await queue.getWaitingCount() == _JOBS


async def test_a_finished_bulk_leaves_nothing_but_its_last_word(queue: Queue) -> None:
    store = await queue.ledger()
    await left_after_one_part(queue, await entries_of(queue))
    await finish_abandoned(store, 0)
    assert await traces(store) == []
    assert len(await list_subjects(store, store.names.all_aux("bulk"))) == 1
