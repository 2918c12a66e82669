"""Flows of which a part is not on the target yet."""

from __future__ import annotations

from typing import Any

import pytest

from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.transfer.verify import Verifier
from jetbull import Queue
from jetbull.workers.upkeep import Upkeep

from .conftest import RedisServer, put_job
from .working import queue_of, worker_on


def put_flow(client: Any) -> None:
    """A parent that waits for a child which an old worker has just taken."""
    client.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:6.7.0"})
    put_job(client, "parent")
    client.zadd("bull:q:waiting-children", {"parent": 1_790_000_000_000})
    client.sadd("bull:q:parent:dependencies", "bull:q:child")
    link = '{"id":"parent","queueKey":"bull:q"}'
    put_job(client, "child", parent=link, parentKey="bull:q:parent")


async def looked_after(queue: Queue) -> None:
    """One look by a worker that thinks nothing too young."""
    store = await queue.ledger()
    store.families = True
    await Upkeep(store, old_enough_ms=0).look()


@pytest.fixture
def client(redis_server: RedisServer) -> Any:
    put_flow(redis_server.client)
    return redis_server.client


async def test_a_parent_waits_for_a_child_that_an_old_worker_still_holds(
    client: Any, options: Options
) -> None:
    client.lpush("bull:q:active", "child")
    client.set("bull:q:child:lock", "token")
    await run(options, Silent())
    async with worker_on(options, "q") as shift:
        await looked_after(shift.queue)
        assert await shift.queue.getJobState("parent") == "waiting-children"
        client.delete("bull:q:child:lock")
        await run(options, Silent())
        await shift.until("child", "parent")
    assert shift.taken == ["child", "parent"]


async def test_a_parent_waits_for_a_failed_child_that_history_leaves_behind(
    client: Any, options: Options
) -> None:
    """In Redis it waits as well, until the child is retried or removed."""
    client.hset(
        "bull:q:child", mapping={"failedReason": "torn page", "finishedOn": 1_790_000_001_000}
    )
    client.zadd("bull:q:failed", {"child": 1_790_000_001_000})
    await run(options.model_copy(update={"history": 0}), Silent())
    async with worker_on(options, "q") as shift:
        await looked_after(shift.queue)
        assert await shift.queue.getJobState("parent") == "waiting-children"


async def test_a_child_that_an_old_worker_ends_while_its_parents_queue_is_carried_is_no_difference(
    client: Any, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child's queue is stopped only when its turn comes."""
    client.hset("bull:r:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:6.7.0"})
    client.rename("bull:q:child", "bull:r:child")
    client.lpush("bull:r:wait", "child")
    client.srem("bull:q:parent:dependencies", "bull:q:child")
    client.sadd("bull:q:parent:dependencies", "bull:r:child", "bull:r:other")
    verify = Verifier.verify

    async def verify_later(verifier: Verifier) -> None:
        if client.lrem("bull:r:wait", 1, "child"):
            result = {"returnvalue": "5", "finishedOn": 1_790_000_001_000}
            client.hset("bull:r:child", mapping=result)
            client.zadd("bull:r:completed", {"child": 1_790_000_001_000})
            client.srem("bull:q:parent:dependencies", "bull:r:child")
            client.hset("bull:q:parent:processed", "bull:r:child", "5")
        await verify(verifier)

    monkeypatch.setattr(Verifier, "verify", verify_later)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    assert [line.phase for line in report.queues] == ["live", "live"]
    async with queue_of(options, "q") as target:
        job = await target.getJob("parent")
        assert job is not None and await job.getChildrenValues() == {"bull:r:child": 5}


@pytest.mark.parametrize(("above", "below"), [("app:prod", "{other:x}"), ("{other:x}", "bull")])
async def test_flows_over_prefixes_with_colons_arrive_whole(
    above: str, below: str, redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    fields = {"name": "work", "data": "{}", "opts": "{}", "timestamp": 1_790_000_000_000}
    for prefix in (above, below):
        client.hset(f"{prefix}:q:meta", mapping={"opts.maxLenEvents": 1, "version": "bullmq:6.7.0"})
    client.hset(f"{above}:q:parent", mapping=fields)
    client.zadd(f"{above}:q:waiting-children", {"parent": 1_790_000_000_000})
    client.sadd(f"{above}:q:parent:dependencies", f"{below}:q:child")
    link = f'{{"id":"parent","queueKey":"{above}:q"}}'
    named = {**fields, "parent": link, "parentKey": f"{above}:q:parent"}
    client.hset(f"{below}:q:child", mapping=named)
    client.lpush(f"{below}:q:wait", "child")
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with (
        worker_on(options, "q", prefix=below) as children,
        worker_on(options, "q", prefix=above) as parents,
    ):
        await children.until("child")
        await parents.until("parent")
