"""Flows whose relatives are left out, gone or in a circle."""

from __future__ import annotations

from typing import Any

import pytest

from bull2jet.commands.plan import plan
from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import put_job
from .findings import carried, left
from .working import worker_on


async def test_parents_in_a_circle_are_carried_and_wait(client: Any, options: Options) -> None:
    for job_id, other in (("a", "b"), ("b", "a")):
        parent = f'{{"id":"{other}","queueKey":"bull:q"}}'
        put_job(client, job_id, parent=parent, parentKey=f"bull:q:{other}")
        client.zadd("bull:q:waiting-children", {job_id: 1})
        client.sadd(f"bull:q:{job_id}:dependencies", f"bull:q:{other}")
    assert await left(options) == []
    assert await carried(options, "a")


async def test_a_flow_over_a_queue_that_is_left_out_stops_the_run(
    client: Any, options: Options
) -> None:
    put_job(client, "child", parent='{"id":"p","queueKey":"bull:other"}', parentKey="bull:other:p")
    client.lpush("bull:q:wait", "child")
    client.hset("bull:other:meta", "opts.maxLenEvents", 10000)
    client.hset("bull:other:p", mapping={"name": "p", "data": "{}", "opts": "{}", "timestamp": 1})
    client.zadd("bull:other:waiting-children", {"p": 1})
    only = options.model_copy(update={"queues": ("q",)})
    planned = await plan(only, Silent())
    assert planned.verdict is Verdict.STOP
    assert [f.code for f in planned.findings if f.severity == "stop"] == ["torn-flow"]
    with pytest.raises(Exception, match="add that queue to --queues"):
        await run(only, Silent())
    assert client.llen("bull:q:wait") == 9
    insisting = only.model_copy(update={"partial_flows": True})
    assert (await run(insisting, Silent())).verdict is Verdict.FINE


async def test_a_flow_over_a_prefix_that_is_left_out_stops_plan_and_run(
    client: Any, options: Options
) -> None:
    put_job(client, "child", parent='{"id":"p","queueKey":"other:q"}', parentKey="other:q:p")
    client.lpush("bull:q:wait", "child")
    client.hset("other:q:p", mapping={"name": "p", "data": "{}", "opts": "{}", "timestamp": 1})
    client.zadd("other:q:waiting-children", {"p": 1})
    only = options.model_copy(update={"prefixes": ("bull",)})
    assert (await plan(only, Silent())).verdict is Verdict.STOP
    with pytest.raises(Exception, match="and its prefix"):
        await run(only, Silent())
    assert client.llen("bull:q:wait") == 9


async def test_relatives_in_a_queue_that_redis_does_not_hold_stop_nothing(
    client: Any, options: Options
) -> None:
    put_job(client, "child", parent='{"id":"p","queueKey":"bull:gone"}', parentKey="bull:gone:p")
    put_job(client, "parent")
    client.sadd("bull:q:parent:dependencies", "elsewhere:pages:7")
    client.zadd("bull:q:waiting-children", {"parent": 1})
    client.lpush("bull:q:wait", "child")
    named = options.model_copy(update={"prefixes": ("bull",)})
    for command, chosen in ((plan, options), (plan, named), (run, named)):
        report = await command(chosen, Silent())
        assert report.verdict is Verdict.FINE, report.findings


@pytest.mark.parametrize("text", ["not json", "", "NaN"])
async def test_a_childs_result_that_is_no_json_is_carried_as_a_string(
    text: str, client: Any, options: Options
) -> None:
    client.hset("bull:q:parent1:processed", "bull:q:c1", text)
    assert await left(options) == []
    async with worker_on(options, "q") as shift:
        parent = await shift.queue.getJob("parent1")
        assert parent is not None
        assert await parent.getChildrenValues() == {"bull:q:c1": text}
