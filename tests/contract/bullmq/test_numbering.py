"""The counter of generated ids: what uses up a number."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers


async def next_id(queue: Any) -> int:
    return int((await queue.add("job", {})).id)


async def test_a_custom_id_that_exists_uses_up_a_number(queue: Any) -> None:
    for _ in range(2):
        await queue.add("job", {}, {"jobId": "mine"})
    assert await next_id(queue) == 3


async def test_every_job_of_a_flow_uses_up_a_number_of_its_queue(make: Makers, queue: Any) -> None:
    other = make.queue()
    children = [{"name": "child", "queueName": q.name} for q in (queue, queue, other)]
    await make.flow_producer().add(
        {"name": "parent", "queueName": queue.name, "children": children}
    )
    assert await next_id(queue) == 4
    assert await next_id(other) == 2


async def test_a_flow_that_exists_already_uses_up_as_many_numbers_as_a_new_one(
    make: Makers, queue: Any
) -> None:
    child = {"name": "child", "queueName": queue.name, "opts": {"jobId": "mine"}}
    top = {"name": "top", "queueName": queue.name, "opts": {"jobId": "top"}, "children": [child]}
    for number in (3, 6):
        await make.flow_producer().add(top)
        assert await next_id(queue) == number


async def test_a_schedulers_job_uses_up_a_number(queue: Any) -> None:
    await queue.upsertJobScheduler("every", {"every": 60_000})
    assert await next_id(queue) == 2
    await queue.upsertJobScheduler("every", {"every": 50_000})
    await queue.upsertJobScheduler("pattern", {"pattern": "0 0 1 1 *"})
    assert await next_id(queue) == 5


async def test_a_duplicate_uses_up_a_number(queue: Any) -> None:
    for _ in range(3):
        await queue.add("job", {}, {"deduplication": {"id": "d"}})
    assert await next_id(queue) == 4


async def test_custom_ids_in_a_bulk_use_up_numbers(queue: Any) -> None:
    rows = [{"name": "a", "opts": {"jobId": "x"}}, {"name": "b"}, {"name": "c"}]
    assert [job.id for job in await queue.addBulk(rows)] == ["x", "2", "3"]


async def test_a_bulk_with_a_child_that_exists_already_uses_up_one_number_each(queue: Any) -> None:
    parent = await queue.add("parent", {})
    await queue.add("child", {}, {"jobId": "mine"})
    link = {"id": parent.id, "queue": f"{queue.prefix}:{queue.name}"}
    rows = [{"name": "child", "opts": {"jobId": "mine", "parent": link}}, {"name": "other"}]
    assert [job.id for job in await queue.addBulk(rows)] == ["mine", "4"]
    assert await next_id(queue) == 5


async def test_an_add_that_is_refused_uses_up_none(queue: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        await queue.add("job", float("nan"))
    assert await next_id(queue) == 1


async def test_a_job_kept_for_later_uses_up_another_number(make: Makers, queue: Any) -> None:
    mode = {"deduplication": {"id": "d", "keepLastIfActive": True}}
    await queue.add("first", {}, mode)
    first = await make.worker(queue).getNextJob("token")
    await queue.add("kept", {}, mode)
    await first.moveToCompleted("done", "token")
    [kept] = await queue.getWaiting()
    assert kept.id == "2"
    assert await next_id(queue) == 4
