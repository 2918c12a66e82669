"""A server of a cluster that stood still and answers from what it knew before."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.store import replicas
from jetbull.ledger.wire import StoredMessage, Wire
from jetbull.workers.upkeep import Upkeep


async def test_a_job_is_found_and_removed_although_the_copy_that_is_asked_lacks_it(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await queue.add("job", {})

    async def nothing(wire: Wire, stream: str, query: dict[str, Any]) -> list[StoredMessage]:
        return []

    with monkeypatch.context() as patch:
        patch.setattr(replicas, "_PATIENCE", 0.0)
        patch.setattr(Wire, "is_clustered", True)
        patch.setattr(Wire, "get_batch", nothing)
        assert await job.isWaiting()
        assert await queue.remove(str(job.id), {"removeChildren": False}) == 1
    assert await queue.getJobState(str(job.id)) == "unknown"


async def test_nothing_of_a_job_goes_because_the_copy_that_is_asked_lacks_the_job(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = "x" * 100_000
    job = await queue.add("job", large, {"deduplication": {"id": "d"}})
    await job.log("row")
    other = await queue.add("job", "old")
    await other.updateData("new")
    answer = Wire.get_batch

    async def without_jobs(wire: Wire, stream: str, query: dict[str, Any]) -> list[StoredMessage]:
        known = "multi_last" not in query or not stream.startswith("JB_")
        return await answer(wire, stream, query) if known else []

    with monkeypatch.context() as patch:
        patch.setattr(replicas, "_PATIENCE", 0.0)
        patch.setattr(Wire, "is_clustered", True)
        patch.setattr(Wire, "get_batch", without_jobs)
        await Upkeep(await queue.ledger(), old_enough_ms=0).look()
        assert await queue.removeOrphanedJobs() == 0
    again = await queue.add("job", {}, {"deduplication": {"id": "d"}})
    assert again.id == job.id
    found = [await queue.getJob(str(j.id)) for j in (job, other)]
    assert [j and j.data for j in found] == [large, "new"]
    assert (await queue.getJobLogs(str(job.id)))["logs"] == ["row"]
