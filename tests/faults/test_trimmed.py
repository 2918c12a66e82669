"""Finished jobs that are no longer kept, in the moment in which they are removed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from jetbull import Queue, Worker
from jetbull.ledger.belongings import belongings
from jetbull.ledger.finishing import retention
from jetbull.ledger.job.moving import move
from jetbull.ledger.job.reading import find
from jetbull.ledger.messages.names import COMPLETED, WAIT
from jetbull.ledger.messages.placing import DONE
from jetbull.ledger.store.store import QueueStore


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
