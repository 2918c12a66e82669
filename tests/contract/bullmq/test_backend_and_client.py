"""What a queue's backend and client answer, for callers that reach for them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers


async def test_the_client_is_also_that_of_the_backends_connection(queue: Any) -> None:
    await queue.add("job", {})
    assert await queue.backend.connection.conn.exists(queue.toKey("1")) == 1


async def test_the_client_of_a_queue_and_of_a_worker_says_that_the_server_is_there(
    make: Makers, queue: Any
) -> None:
    for made in (queue, make.worker(queue)):
        assert await made.client.ping() is True
        assert await made.redisConnection.conn.ping() is True


async def test_a_worker_may_be_given_the_client_of_its_queue_as_connection(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", {})
    for client in (queue.client, queue.redisConnection.conn):
        worker = make.worker(queue, connection=client)
        assert await worker.client.exists(queue.toKey(job.id)) == 1


async def test_the_backend_gives_a_job_as_its_stored_texts(queue: Any) -> None:
    job = await queue.add("job", {"a": 1}, {"attempts": 2})
    stored = await queue.backend.getJobData(job.id)
    assert (stored["name"], stored["data"]) == ("job", '{"a":1}')


@pytest.mark.parametrize("size", [1, 300_000])
async def test_the_stored_texts_of_a_finished_job_make_the_same_job_again(
    make: Makers, queue: Any, size: int
) -> None:
    large = "x" * size
    job = await queue.add("job", large)
    taken = await make.worker(queue).getNextJob("mine")
    await taken.updateProgress({"p": large})
    await taken.moveToCompleted([large], "mine")
    stored = await queue.backend.getJobData(job.id)
    again = make.backend.Job.fromJSON(queue, stored, job.id)
    assert (again.data, again.progress, again.returnvalue) == (large, {"p": large}, [large])
    assert again.finishedOn == (await queue.getJob(job.id)).finishedOn > 0


async def test_a_job_of_a_scheduler_taken_over_makes_the_next_one(make: Makers, queue: Any) -> None:
    first = await queue.upsertJobScheduler("every", {"every": 60_000})
    worker = make.worker(queue)
    stored = await worker.backend.getJobData(first.id)
    job = await worker.nextJobFromJobData(stored, first.id, token="token")
    assert (job.id, job.token) == (first.id, "token")
    assert (await queue.getJobScheduler("every"))["iterationCount"] == 2


async def test_no_job_data_is_no_job(make: Makers, queue: Any) -> None:
    assert await make.worker(queue).nextJobFromJobData(None) is None


async def test_a_worker_has_the_schedulers_of_its_queue(make: Makers, queue: Any) -> None:
    worker = make.worker(queue)
    assert worker.jobScheduler is worker.jobScheduler
    assert worker.jobScheduler.queue is worker
    assert worker.jobScheduler.backend is worker.backend


async def test_the_client_counts_events(queue: Any) -> None:
    for _ in range(4):
        await queue.add("job", {})
    stream = queue.toKey("events")
    assert await queue.client.xlen(stream) == 8
    await queue.trimEvents(0)
    assert await queue.client.xlen(stream) == 0


async def test_the_client_names_the_keys_of_a_queue(queue: Any) -> None:
    await queue.add("plain", {})
    await queue.add("later", {}, {"delay": 60_000})
    names = await queue.client.keys(queue.toKey("*"))
    wanted = ("1", "2", "wait", "delayed", "id", "meta", "marker", "events")
    assert sorted(names) == sorted(queue.toKey(name) for name in wanted)


async def test_a_drained_queue_keeps_the_keys_that_are_no_jobs(queue: Any) -> None:
    await queue.add("job", {}, {"priority": 3})
    await queue.drain()
    names = await queue.client.keys(queue.toKey("*"))
    wanted = ("id", "meta", "marker", "events", "pc")
    assert sorted(names) == sorted(queue.toKey(name) for name in wanted)


async def test_of_an_obliterated_queue_the_keys_of_waiting_parents_stay(
    make: Makers, queue: Any
) -> None:
    child = {"name": "child", "queueName": f"{queue.name}-children"}
    tree = {"name": "parent", "queueName": queue.name, "children": [child]}
    parent = (await make.flow_producer().add(tree))["job"]
    kept = (parent.id, f"{parent.id}:dependencies", "waiting-children")
    names = await queue.client.keys(queue.toKey("*"))
    wanted = (*kept, "id", "meta", "events")
    assert sorted(names) == sorted(queue.toKey(name) for name in wanted)
    await queue.obliterate()
    names = await queue.client.keys(queue.toKey("*"))
    assert sorted(names) == sorted(queue.toKey(name) for name in kept)


async def test_an_obliterated_queue_has_no_keys(queue: Any) -> None:
    await queue.add("job", {})
    await queue.obliterate()
    assert await queue.client.keys(queue.toKey("*")) == []


async def test_a_job_whose_key_is_deleted_is_passed_over(queue: Any) -> None:
    jobs = [await queue.add("job", n) for n in range(1, 6)]
    assert await queue.client.delete(queue.toKey(jobs[1].id), queue.toKey("unknown")) == 1
    found = await queue.getJobs(["waiting"], 0, 2, True)
    assert [job.data for job in found] == [1, 3, 4]
    assert await queue.getJob(jobs[1].id) is None


async def test_a_job_can_be_asked_by_the_name_of_a_set(queue: Any) -> None:
    waiting = await queue.add("job", {})
    later = await queue.add("job", {}, {"delay": 60_000})
    assert await waiting.isInList("wait")
    assert not await waiting.isInList("active")
    assert await later.isInZSet("delayed")
    assert not await later.isInZSet("failed")
