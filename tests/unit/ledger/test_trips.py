"""How often a call goes to the server: what needs no other answer leaves in one write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from jetbull import FlowProducer, Queue
from jetbull.ledger.wire.client import Client

# Events, notes that have served, numbers that are reserved for many jobs.
_UNAWAITED = (b"HPUB jbe.", b"PUB $JS.API.STREAM.MSG.DELETE.", b"HPUB jbc.")


@pytest.fixture
async def queue(queue: Queue) -> Queue:
    """A queue whose connection, numbers and streams are there."""
    await queue.add("first", {})
    return queue


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Callable[[Awaitable[object]], Awaitable[int]]:
    """How many writes a call waits for."""
    writes: list[list[bytes]] = []
    write = Client._write_parts

    def noted(self: Client) -> None:
        writes.append([part for part in self._parts if not part.startswith(_UNAWAITED)])
        write(self)

    monkeypatch.setattr(Client, "_write_parts", noted)

    async def count(call: Awaitable[object]) -> int:
        writes.clear()
        await call
        return sum(1 for parts in writes if parts)

    return count


Count = Callable[[Awaitable[object]], Awaitable[int]]


async def test_new_data_of_a_waiting_job_take_two_trips(queue: Queue, trips: Count) -> None:
    job = await queue.add("job", {"n": 1})
    assert await trips(job.updateData({"n": 2})) == 2
    assert await trips(job.updateData({"n": 3})) == 2
    assert await trips(job.updateProgress(50)) == 2
    found = await queue.getJob(job.id)
    assert found is not None
    assert (found.data, found.progress) == ({"n": 3}, 50)


async def test_a_waiting_job_is_removed_in_three_trips(queue: Queue, trips: Count) -> None:
    waiting = await queue.add("job", {})
    prioritized = await queue.add("job", {}, {"priority": 3})
    await waiting.log("a row")
    assert await trips(queue.remove(waiting.id)) == 3  # the row goes as well
    assert await trips(prioritized.remove()) == 3
    assert [job.id for job in await queue.getJobs()] == ["1"]
    assert (await queue.getJobLogs(waiting.id))["count"] == 0


async def test_a_job_under_a_new_deduplication_id_takes_one_trip(
    queue: Queue, trips: Count
) -> None:
    for n in range(3):
        opts = {"deduplication": {"id": f"id {n}", "ttl": n * 60_000}, "delay": 60_000 * (n == 1)}
        assert await trips(queue.add("job", n, opts)) == 1
    assert await queue.getJobCounts("waiting", "delayed") == {"waiting": 3, "delayed": 1}


async def test_an_upsert_of_the_same_scheduler_takes_two_trips(queue: Queue, trips: Count) -> None:
    for n in range(3):
        count = await trips(queue.upsertJobScheduler("mine", {"every": 3_600_000}, "job", n))
    assert count == 2
    assert [job.data for job in await queue.getJobs(["waiting", "delayed"], asc=True)] == [{}, 2]


async def test_a_large_family_is_removed_together(queue: Queue, trips: Count) -> None:
    leaf = {"name": "leaf", "queueName": queue.name}
    flow = {"name": "parent", "queueName": queue.name, "children": [leaf] * 100}
    async with FlowProducer(queue.opts["connection"]) as producer:
        tree = await producer.add(flow)
        assert await trips(queue.remove(tree["job"].id)) < 500
    assert [job.id for job in await queue.getJobs()] == ["1"]


async def test_a_large_flow_that_exists_is_added_together(queue: Queue, trips: Count) -> None:
    leaves = [
        {"name": "leaf", "queueName": queue.name, "opts": {"jobId": f"leaf {number}"}}
        for number in range(100)
    ]
    flow = {"name": "parent", "queueName": queue.name, "opts": {"jobId": "root"}}
    async with FlowProducer(queue.opts["connection"]) as producer:
        await producer.add({**flow, "children": leaves})
        assert await trips(producer.add({**flow, "children": leaves})) < 100
    assert await queue.getJobCounts("waiting") == {"waiting": 101}
