"""Thousands of jobs in one call: all of them or none, in as few steps as the server allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jetbull import FlowProducer, Queue
from jetbull.ledger.adding.journal import abandoned
from jetbull.server import EmbeddedServer
from jetbull.workers.upkeep import Upkeep

from .apart import apart
from .killed_producers import kill_producer

_MANY = 3000


@pytest.fixture
async def usual_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A server without our settings: a thousand messages in a batch."""
    extra = {"jetstream": {"store_dir": str(tmp_path / "js")}}
    async with EmbeddedServer(tmp_path, extra=extra) as server:
        yield server


def jobs(count: int) -> list[dict[str, Any]]:
    return [{"name": "job", "data": n} for n in range(count)]


def family(name: str, count: int) -> dict[str, Any]:
    children = [{"name": "c", "queueName": f"{name}-c", "data": n} for n in range(count)]
    return {"name": "p", "queueName": name, "children": children}


@pytest.mark.parametrize("rules", ["", "rules"])
async def test_a_bulk_whose_producer_is_killed_is_there_whole_or_not_at_all(
    shared_url: str, name: str, rules: str
) -> None:
    seen: set[int] = set()
    for pause in (0.05, 0.1, 0.15, 0.2, 0.3):
        queue = Queue(f"{name}-{pause * 100:g}", apart(shared_url, 0))
        await kill_producer(shared_url, queue.name, pause, rules, _MANY)
        while await queue.getWaitingCount() not in (0, _MANY):
            await asyncio.sleep(0.02)  # the server is storing what was committed
        seen.add(await queue.getWaitingCount())
        await queue.close()
    assert seen <= {0, _MANY}


@pytest.mark.parametrize("rules", ["", "rules"])
async def test_a_bulk_larger_than_the_server_takes_whose_producer_is_killed_is_finished_by_a_worker(
    usual_server: EmbeddedServer, name: str, rules: str
) -> None:
    seen: set[int] = set()
    for pause in (0.15, 0.2, 0.25, 0.3, 0.4, 0.5):
        queue = Queue(f"{name}-{pause * 100:g}", apart(usual_server.url, 0))
        await kill_producer(usual_server.url, queue.name, pause, rules, _MANY)
        store = await queue.ledger()
        await Upkeep(store, old_enough_ms=0).look()
        seen.add(await queue.getWaitingCount())
        assert await abandoned(store, 0) == []
        await queue.close()
    assert seen <= {0, _MANY}


async def test_a_bulk_of_thousands_keeps_its_order(shared_url: str, name: str) -> None:
    queue = Queue(name, apart(shared_url, 0))
    added = await queue.addBulk(jobs(_MANY))
    assert [int(job.id or 0) for job in added] == list(range(1, _MANY + 1))
    assert [job.data for job in await queue.getWaiting()] == list(range(_MANY))
    await queue.close()


async def test_a_flow_of_thousands_waits_for_every_child(shared_url: str, name: str) -> None:
    flow = FlowProducer(apart(shared_url, 0))
    node = await flow.add(family(name, _MANY))
    assert node is not None
    assert (await node["job"].getDependenciesCount())["unprocessed"] == _MANY
    await flow.close()


async def test_a_bulk_larger_than_the_server_takes_keeps_its_order(
    usual_server: EmbeddedServer, name: str
) -> None:
    queue = Queue(name, apart(usual_server.url, 0))
    for size in (1000, 1001, _MANY):
        added = await queue.addBulk(jobs(size))
        assert len({job.id for job in added}) == size
    assert await queue.getWaitingCount() == 1000 + 1001 + _MANY
    assert [job.data for job in await queue.getWaiting(1000 + 1001, -1)] == list(range(_MANY))
    await queue.close()


async def test_a_server_that_takes_a_thousand_gets_large_flows_whole(
    usual_server: EmbeddedServer, name: str
) -> None:
    flow = FlowProducer(apart(usual_server.url, 0))
    node = await flow.add(family(name, _MANY))
    assert node is not None
    assert (await node["job"].getDependenciesCount())["unprocessed"] == _MANY
    await flow.close()


async def test_a_bulk_of_children_is_waited_for_by_their_parent(shared_url: str, name: str) -> None:
    queue, other = Queue(name, apart(shared_url, 0)), Queue(f"{name}-c", apart(shared_url, 1))
    flow = FlowProducer(apart(shared_url, 2))
    node = await flow.add(family(name, 1))
    assert node is not None
    parent = {"id": node["job"].id, "queue": queue.qualifiedName}
    wanted = [{**job, "opts": {"parent": parent}} for job in jobs(_MANY)]
    await other.addBulk(wanted)
    assert await other.getWaitingCount() == 1 + _MANY
    assert (await node["job"].getDependenciesCount())["unprocessed"] == 1 + _MANY
    for thing in (queue, other, flow):
        await thing.close()
