"""Finished jobs that are no longer kept, in the moment in which they are removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.ledger.belongings import belongings
from jetbull.ledger.finishing import retention
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.reading import find
from jetbull.ledger.messages.names import COMPLETED, WAIT
from jetbull.ledger.messages.placing import DONE
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage, Wire


async def finish_next(worker: Worker) -> str:
    """Takes the next job and completes it; its id."""
    job = await worker.getNextJob("token")
    assert job is not None
    await job.moveToCompleted("done", "token", False)
    return str(job.id)


async def test_a_ticket_that_was_left_of_a_job_goes_with_it(queue: Queue, shared_url: str) -> None:
    old = await queue.add("old", {})
    store = await queue.ledger()
    found = await find(store, old.id)
    assert found is not None
    record = found.record.with_head({"finishedOn": 1})
    await move(store, old.id, found, record, DONE[COMPLETED], keep_old=True)
    last = await queue.add("last", {}, {"removeOnComplete": 1, "lifo": True})
    async with Worker(queue.name, None, {"connection": shared_url}) as worker:
        assert await finish_next(worker) == last.id
    assert await queue.getJobState(old.id) == "unknown"
    assert await store.wire.get_last(store.names.space.jobs, store.names.job(WAIT, old.id)) is None


async def test_a_job_that_is_to_run_again_just_then_keeps_its_log(
    queue: Queue, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await queue.add("old", {})
    await old.log("kept")

    async def delete(store: QueueStore, seqs: Iterable[int]) -> list[bool]:
        await old.retry("completed")
        return await belongings.delete(store, seqs)

    async with Worker(queue.name, None, {"connection": shared_url}) as worker:
        assert await finish_next(worker) == old.id
        monkeypatch.setattr(retention, "delete", delete)
        last = await queue.add("last", {}, {"removeOnComplete": 1})
        assert await finish_next(worker) == last.id
    assert await queue.getJobState(old.id) == "waiting"
    assert (await queue.getJobLogs(old.id))["logs"] == ["kept"]


async def test_all_that_are_too_old_go_in_however_many_answers_they_are_told(
    queue: Queue, shared_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_batch = Wire.get_batch

    async def get_part(wire: Wire, stream: str, query: Mapping[str, Any]) -> list[StoredMessage]:
        """As of jobs so large that the server's answer ends sooner."""
        is_many = "next_by_subj" in query
        return await get_batch(wire, stream, {**query, "max_bytes": 1000} if is_many else query)

    await queue.addBulk([{"name": "job"} for _ in range(20)])
    async with Worker(queue.name, None, {"connection": shared_url}) as worker:
        for _ in range(20):
            await finish_next(worker)
    monkeypatch.setattr(Wire, "get_batch", get_part)
    await retention.trim(await queue.ledger(), COMPLETED, retention.Keep(age_s=0))
    assert await queue.getCompletedCount() == 0
