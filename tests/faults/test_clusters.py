"""Three servers and jobs kept by all of them: what a single server would take otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.servers import Servers

from jetbull import FlowProducer, Queue
from jetbull.errors import JetbullError
from jetbull.health import check_readiness
from jetbull.ledger import counting


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Queue]:
    """A queue on a new cluster of three."""
    async with Servers(tmp_path, 3) as servers:
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
    monkeypatch.setattr(counting, "EXACT_LIMIT", -1)
    counts = await cluster.getJobCounts(*states)
    assert counts == dict.fromkeys(states, 1)


async def test_a_cluster_whose_jobs_are_kept_three_times_is_ready(cluster: Queue) -> None:
    checks = await check_readiness(cluster)
    assert [check for check in checks if not check.ok] == []
