"""What a queue's backend and client answer, for callers that reach for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE
from tests.contract.bullmq.situations import added


class _Told:
    """A client that knows nothing but a list of clients."""

    def __init__(self, told: Any) -> None:
        self.told = told

    async def client_list(self) -> Any:
        return self.told

    async def aclose(self) -> None:
        pass


def _as_dictionaries(text: str) -> list[dict[str, str]]:
    lines = [line.split() for line in text.splitlines() if line]
    return [dict(word.split("=") for word in line) for line in lines]


async def test_the_client_is_also_that_of_the_backends_connection(queue: Any) -> None:
    await queue.add("job", {})
    assert await queue.backend.connection.conn.exists(queue.toKey("1")) == 1


async def test_the_client_of_a_queue_and_of_a_worker_says_that_the_server_is_there(
    make: Makers, queue: Any
) -> None:
    for made in (queue, make.worker(queue)):
        assert await made.client.ping() is True
        assert await made.backend.connection.conn.ping() is True


async def test_a_worker_may_be_given_the_client_of_its_queue_as_connection(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", {})
    for client in (queue.client, queue.backend.connection.conn):
        worker = make.worker(queue, connection=client)
        assert await worker.client.exists(queue.toKey(job.id)) == 1


async def test_the_client_lists_the_workers_of_a_queue(make: Makers, queue: Any) -> None:
    await queue.add("job", {})
    assert await make.worker(queue, name="w1").getNextJob("token")
    names = {client["name"] for client in await queue.client.client_list()}
    assert f"{queue.qualifiedName}:w:w1" in names


TOLD = "id=1 addr=10.0.0.1:6379 name={0} age=10\nid=2 name={0}:w:w1 flags=\n\nid=3 name={0}x:w:w1\n"


@pytest.mark.parametrize("encode", [str, str.encode, _as_dictionaries])
async def test_workers_are_those_in_the_list_of_the_client_put_in_place(
    queue: Any, encode: Callable[[str], Any]
) -> None:
    name = queue.qualifiedName
    queue.backend.connection.conn = _Told(encode(TOLD.format(name)))
    workers = await queue.get_workers()
    assert [(w["id"], w["name"], w["rawname"]) for w in workers] == [
        ("1", queue.name, name),
        ("2", queue.name, f"{name}:w:w1"),
    ]
    assert await queue.get_workers_count() == 2


async def test_of_a_cluster_the_node_that_knows_most_workers_counts(queue: Any) -> None:
    name = queue.qualifiedName
    nodes = [_Told(f"id=1 name={name}:w:w1\n"), _Told(TOLD.format(name)), _Told("")]
    places = [SimpleNamespace(client=node) for node in nodes]
    cluster = SimpleNamespace(is_cluster=True, nodes=lambda: places, aclose=_Told(None).aclose)
    queue.backend.connection.conn = cluster
    assert [worker["id"] for worker in await queue.get_workers()] == ["1", "2"]


async def test_workers_are_looked_for_under_the_name_that_the_backend_gives(queue: Any) -> None:
    queue.backend.clientName = lambda suffix="": f"tenant-a:mail{suffix}"
    queue.backend.connection.conn = _Told("id=1 name=tenant-a:mail:w:w1\nid=2 name=mail\n")
    assert [worker["rawname"] for worker in await queue.get_workers()] == ["tenant-a:mail:w:w1"]


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


async def test_the_backend_keeps_the_lock_of_one_job_for_its_own_token(
    make: Makers, queue: Any
) -> None:
    await queue.add("job", {})
    worker = make.worker(queue, lockDuration=60_000)
    job = await worker.getNextJob("mine")
    extend = worker.backend.extendLock
    assert [await extend(job.id, "mine", 60_000) for _ in range(2)] == [1, 1]
    assert await extend(job.id, "another", 60_000) == 0
    assert await extend("unknown", "mine", 60_000) == 0
    await job.moveToCompleted("done", "mine")
    assert await extend(job.id, "mine", 60_000) == 0
    assert (await queue.getJob(job.id)).returnvalue == "done"


async def test_the_backend_brings_back_the_jobs_whose_locks_are_over(
    make: Makers, queue: Any
) -> None:
    owner = make.worker(queue, lockDuration=200)
    jobs = await added(queue, 2)
    assert [(await owner.getNextJob("gone")).id for _ in jobs] == [job.id for job in jobs]
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < 2:
            found += await queue.backend.moveStalledJobsToWait(1, 1)
            await asyncio.sleep(0.02)
    assert sorted(found) == [job.id for job in jobs]
    assert [await job.getState() for job in jobs] == ["waiting", "waiting"]
    assert await queue.backend.moveStalledJobsToWait(1, 1) == []


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
