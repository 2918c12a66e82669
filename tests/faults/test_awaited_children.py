"""A child that is added to a parent that waits for it already, as while a flow is stored by job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from jetbull import FlowProducer, Job, Queue, Worker
from jetbull.commands import flows, linking
from jetbull.errors import JobError
from jetbull.ledger.adding.adding import NewJob
from jetbull.ledger.adding.adding import add as store_job
from jetbull.ledger.messages.names import COMPLETED, OPEN, lane_of, state_of
from jetbull.ledger.parents.parentage import Parent
from jetbull.ledger.store.store import QueueStore


async def test_a_child_that_ends_at_once_is_not_waited_for_any_more_and_its_value_is_kept(
    shared_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def process(job: Job, token: str) -> str:
        return "value"

    async def slow(store: QueueStore, new: NewJob) -> bool:
        stored = await store_job(store, new)
        while (newest := await store.newest(new.job_id)) and not _has_told(newest.subject):
            await asyncio.sleep(0.01)
        return stored

    options = {"connection": shared_url}
    other = {"name": "other", "queueName": queue.name, "opts": {"delay": 60_000}}
    async with (
        FlowProducer(options) as producer,
        Worker(queue.name, process, options),
        asyncio.timeout(30),
    ):
        node = await producer.add({"name": "parent", "queueName": queue.name, "children": [other]})
        parent, key = node["job"], f"{queue.qualifiedName}:child"
        assert await linking.expect_child(Parent(await queue.ledger(), str(parent.id), key))
        monkeypatch.setattr(linking, "store_job", slow)
        opts = {"jobId": "child", "parent": {"id": parent.id, "queue": queue.qualifiedName}}
        await queue.add("child", {}, opts)
        assert await parent.getChildrenValues() == {key: "value"}
        assert key not in (await parent.getDependencies())["unprocessed"]


async def test_a_child_that_another_flow_takes_meanwhile_is_not_waited_for(
    shared_url: str, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tree(name: str, *children: str) -> dict[str, Any]:
        below = [{"name": n, "queueName": queue.name, "opts": {"jobId": n}} for n in children]
        opts = {"jobId": name}
        return {"name": name, "queueName": queue.name, "opts": opts, "children": below}

    is_adoptable = flows._require_adoptable

    async def then_taken(nodes: Sequence[flows.Tree]) -> set[int]:
        there = await is_adoptable(nodes)
        monkeypatch.setattr(flows, "_require_adoptable", is_adoptable)
        await producer.add(tree("quicker", "shared"))
        return there

    options = {"connection": shared_url}
    await queue.add("shared", {}, {"jobId": "shared", "delay": 60_000})
    async with FlowProducer(options) as producer, Worker(queue.name, None, options) as worker:
        monkeypatch.setattr(flows, "_require_adoptable", then_taken)
        with pytest.raises(JobError, match="cannot be replaced"):
            await producer.add(tree("parent", "own", "shared"))
        job = await worker.getNextJob("token")
        assert job is not None and job.id == "own"
        await job.moveToCompleted("value", "token", False)
        assert await queue.getJobState("parent") == "waiting"
        assert await queue.getJobState("quicker") == "waiting-children"


def _has_told(subject: str) -> bool:
    """Whether a child has ended, and its parent has heard of it."""
    return state_of(subject) == COMPLETED and lane_of(subject) != OPEN
