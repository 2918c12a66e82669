"""Three servers and jobs kept by all of them: what a single server would take otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.faults.servers import Servers

from jetbull import FlowProducer, Queue, Worker
from jetbull.diagnosis import diagnose
from jetbull.errors import AckTimeout, JetbullError, ServerUnavailable
from jetbull.health import check_readiness
from jetbull.ledger.queue import tally
from jetbull.ledger.store.store import QueueStore


@pytest_asyncio.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """A new cluster of three."""
    async with Servers(tmp_path, 3) as running:
        yield running


@pytest_asyncio.fixture
async def cluster(servers: Servers) -> AsyncIterator[Queue]:
    """A queue on the cluster."""
    where = {"url": [node.url for node in servers.nodes], "replicas": 3}
    async with Queue("q", {"connection": where}) as queue:
        async with asyncio.timeout(60):
            while True:
                try:
                    await queue.ledger()
                except JetbullError:
                    await asyncio.sleep(0.25)  # it has no leaders yet
                else:
                    break
        yield queue


_CHILD = {"name": "child", "queueName": "q"}


def at_each(servers: Servers) -> list[dict[str, Any]]:
    """A connection to each server: at most one of them leads the stream of jobs."""
    return [{"url": node.url, "replicas": 3} for node in servers.nodes]


async def test_jobs_of_every_state_are_listed_and_counted(
    cluster: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = cluster.opts["connection"]
    await cluster.add("plain", {})
    await cluster.add("later", {}, {"delay": 3_600_000})
    await cluster.add("first", {}, {"priority": 1})
    child = {"name": "child", "queueName": "other"}
    flows = FlowProducer(where)
    await flows.add({"name": "parent", "queueName": "q", "children": [child]})
    await flows.close()
    states = ("waiting", "delayed", "prioritized", "waiting-children")
    for state in states:
        assert len(await cluster.getJobs([state])) == 1, state
    for state in ("active", "completed", "failed"):
        assert await cluster.getJobs([state]) == []
    monkeypatch.setattr(tally, "EXACT_LIMIT", -1)
    counts = await cluster.getJobCounts(*states)
    assert counts == dict.fromkeys(states, 1)


async def test_a_cluster_whose_jobs_are_kept_three_times_is_ready(cluster: Queue) -> None:
    checks = await check_readiness(cluster)
    assert [check for check in checks if not check.ok] == []


async def test_what_was_stored_is_there_whichever_server_is_asked(
    servers: Servers, cluster: Queue
) -> None:
    for number, where in enumerate(at_each(servers)):
        async with Queue(f"q{number}", {"connection": where}) as queue:
            for step in range(100):
                job = await queue.add("job", {})
                assert await queue.getJob(job.id) is not None
                assert len(await queue.getWaiting()) == step + 1
                await job.updateProgress(step)
                stored = await queue.getJob(job.id)
                assert stored is not None
                assert stored.progress == step
            await queue.upsertJobScheduler("s", {"every": 3_600_000})
            assert await queue.getJobScheduler("s") is not None
            await queue.pause()
            assert await queue.isPaused()


async def test_a_parent_finds_the_values_of_all_its_children(
    servers: Servers, cluster: Queue
) -> None:
    children = [{"name": "child", "queueName": "q"} for _ in range(3)]
    flow = {"name": "parent", "queueName": "q", "children": children}
    found: list[int] = []
    all_found = asyncio.Event()

    async def process(job: Any, token: str) -> int:
        if job.name == "parent":
            found.append(len(await job.getChildrenValues()))
            if len(found) == 60:
                all_found.set()
        return 1

    places = at_each(servers)
    workers = [Worker("q", process, {"connection": p, "concurrency": 10}) for p in places]
    flows = FlowProducer(cluster.opts["connection"])
    await flows.addBulk([flow] * 60)
    async with asyncio.timeout(60):
        await all_found.wait()
    assert found == [3] * 60
    await asyncio.gather(*(worker.close() for worker in workers))
    await flows.close()


async def _add_flow(_: Queue, flows: FlowProducer) -> None:
    assert await flows.add({"name": "parent", "queueName": "q", "children": [_CHILD]}) is not None


async def _change(queue: Queue, _: FlowProducer) -> None:
    job = await queue.getJob("first")
    assert job is not None
    await job.changePriority({"priority": 1})
    assert await queue.getPrioritizedCount() == 1


@pytest.mark.parametrize("call", [_add_flow, _change])
async def test_a_call_waits_for_servers_that_have_no_leader(
    servers: Servers, cluster: Queue, call: Callable[[Queue, FlowProducer], Awaitable[None]]
) -> None:
    where = at_each(servers)[0]
    flows = FlowProducer(where)
    async with Queue("q", {"connection": where}) as queue, asyncio.timeout(90):
        await queue.add("job", {}, {"jobId": "first"})
        await flows.add(_CHILD)
        store = await queue.ledger()
        await asyncio.gather(servers.kill(1), servers.kill(2))
        while b"10008" not in await _told_by_leader(store):
            await asyncio.sleep(0.1)
        called = asyncio.ensure_future(call(queue, flows))
        await _told_by_leader(store)  # behind what the call sent
        await asyncio.gather(servers.start(1), servers.start(2))
        await called
        await flows.close()


async def test_a_call_ends_where_too_few_servers_of_a_new_cluster_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 1.0)
    monkeypatch.setattr("jetbull.ledger.streams.streams._PATIENCE", 1.0)
    servers = Servers(tmp_path, 3)
    try:
        await asyncio.gather(servers.start(0), servers.start(1))
        where = [node.url for node in servers.nodes[:2]]
        async with Queue("q", {"connection": {"url": where, "replicas": 3}}) as queue:
            with pytest.raises(ServerUnavailable, match="start the cluster's other servers"):
                await _add_until_answered(queue)
    finally:
        await asyncio.gather(servers.kill(0), servers.kill(1))


async def _add_until_answered(queue: Queue) -> None:
    """Servers that have never had a leader say nothing at all at first."""
    async with asyncio.timeout(40):
        while True:
            with suppress(AckTimeout):
                await queue.add("job", {})


async def _told_by_leader(store: QueueStore) -> bytes:
    """The answer to a question for the newest job; 10008 says that there is no leader."""
    newest = json.dumps({"last_by_subj": store.names.all_jobs()}).encode()
    try:
        return (await store.wire.request("$JS.API.STREAM.MSG.GET.JB_bull", newest)).data
    except AckTimeout:
        return b""


@pytest.mark.timeout(180)
async def test_the_doctor_tells_a_copy_that_is_away_and_a_stream_without_a_leader(
    servers: Servers, cluster: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jetbull.ledger.wire.wire.READ_PATIENCE", 1.0)
    for number, told in ((0, "has a copy on node0, which is away"), (1, "JB_bull has no leader")):
        await servers.kill(number)
        async with asyncio.timeout(60):
            while not any(told in f.detail for f in await diagnose(cluster) if f.grade == "wrong"):
                pass  # each look asks the servers
