"""A process that goes through ever new queues keeps few of them."""

from __future__ import annotations

import pytest

from jetbull import FlowProducer, Queue
from jetbull.ledger import hub, opened


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_MOST_UNUSED", 3)


def _queues() -> set[str]:
    """The names of the queues that this process knows."""
    return {name for shared in hub._shared.values() for (_, name), _ in shared.stores.all()}


@pytest.mark.usefixtures("_few")
async def test_of_queues_that_were_closed_those_of_long_ago_are_forgotten(jetbull_url: str) -> None:
    async with Queue("kept") as kept:
        await kept.waitUntilReady()
        for number in range(20):
            async with Queue(f"tenant-{number}") as queue:
                await queue.waitUntilReady()
        assert _queues() == {"kept", *(f"tenant-{number}" for number in range(16, 20))}


@pytest.mark.usefixtures("_few")
async def test_a_queue_that_somebody_has_open_is_the_same_for_all(jetbull_url: str) -> None:
    async with Queue("kept") as first, Queue("kept") as second:
        store = await first.ledger()
        assert await second.ledger() is store
        await second.close()
        for number in range(20):
            async with Queue(f"tenant-{number}") as queue:
                await queue.waitUntilReady()
        async with Queue("kept") as third:
            assert await third.ledger() is store


@pytest.mark.usefixtures("_few")
async def test_a_flow_producer_forgets_queues_that_it_has_not_named_for_long(
    jetbull_url: str,
) -> None:
    async with FlowProducer() as flows:
        for number in range(20):
            child = {"name": "child", "queueName": f"children-{number}", "data": {}}
            parent = {"name": "parent", "queueName": "parents", "data": {}, "children": [child]}
            node = await flows.add(parent)
            assert await node["job"].getState() == "waiting-children"
        assert len(_queues()) <= 5


@pytest.mark.usefixtures("_few")
async def test_a_queue_whose_job_is_to_be_promoted_soon_is_kept_until_then(
    jetbull_url: str,
) -> None:
    async with Queue("kept") as kept:
        await kept.waitUntilReady()
        async with Queue("delayed") as queue:
            await queue.add("job", {}, {"delay": 5000})
        for number in range(20):
            async with Queue(f"tenant-{number}") as queue:
                await queue.waitUntilReady()
        assert "delayed" in _queues()
