"""Large and awkward JSON: what a message cannot hold goes to the object store and comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story

LARGE = {"text": "ש" * 1_000_000, "more": "x" * 3_000_000}  # 5 MB of UTF-8
DEEP: Any = []
for _ in range(300):
    DEEP = [DEEP]


async def echo(job: Any, token: str) -> Any:
    return job.data


async def objects(queue: Any) -> int:
    store = await queue.ledger()
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.objects}")
    return int(info["state"]["messages"])


async def test_5_mb_of_data_reach_the_processor(make: Makers, queue: Any) -> None:
    job = await queue.add("large", LARGE)
    assert (await queue.getJob(job.id)).data == LARGE
    assert (await queue.getWaiting())[0].data == LARGE

    async def measure(job: Any, token: str) -> int:
        return len(job.data["text"]) + len(job.data["more"])

    _, result = await Heard(make.worker(queue, measure), "completed").once()
    assert result == 4_000_000


async def test_data_of_100_kb_are_stored_once_whatever_becomes_of_the_job(
    make: Makers, queue: Any
) -> None:
    data = {"text": "x" * 100_000}
    first = await queue.add("one", data, {"attempts": 2})
    await queue.addBulk([{"name": "bulk", "data": data} for _ in range(50)])
    assert await objects(queue) == 51
    heard = Heard(make.worker(queue, echo, concurrency=10), "completed")
    assert all(result == data for _, result in await heard.times(51))
    stored = await queue.getJob(first.id)
    assert (stored.data, stored.returnvalue) == (data, data)
    assert await objects(queue) == 51
    await queue.obliterate(force=True)
    assert await objects(queue) == 0


async def test_data_that_change_often_leave_nothing_behind(queue: Any) -> None:
    job = await queue.add("job", {"step": 0, "text": "x" * 100_000})
    for step in range(1, 6):
        await job.updateData({"step": step, "text": "x" * 100_000})
    assert (await queue.getJob(job.id)).data["step"] == 5
    assert await objects(queue) == 1


async def test_5_mb_of_data_in_a_bulk_and_in_a_flow(make: Makers, queue: Any) -> None:
    jobs = await queue.addBulk([{"name": "a", "data": LARGE}, {"name": "b", "data": 1}])
    assert [(await queue.getJob(job.id)).data for job in jobs] == [LARGE, 1]
    flow = {"name": "p", "queueName": queue.name, "data": LARGE}
    parent = (await make.flow_producer().add(flow))["job"]
    assert (await queue.getJob(parent.id)).data == LARGE


async def test_data_may_grow_to_5_mb_and_shrink_again(queue: Any) -> None:
    job = await queue.add("job", {"small": True})
    await job.updateData(LARGE)
    assert (await queue.getJob(job.id)).data == LARGE
    await job.updateData({"small": True})
    assert (await queue.getJob(job.id)).data == {"small": True}


async def test_a_result_of_5_mb_is_stored_and_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("large", LARGE)
    _, result = await Heard(make.worker(queue, echo), "completed").once()
    assert result == LARGE
    assert (await queue.getJob(job.id)).returnvalue == LARGE
    told = await story.until("completed", jobId=job.id)
    assert told["returnvalue"] == LARGE


async def test_waiting_for_a_large_result(make: Makers, queue: Any) -> None:
    job = await queue.add("large", LARGE)
    await Heard(make.worker(queue, echo), "completed").once()
    assert await job.waitUntilFinished(make.events(queue)) == LARGE


async def test_a_progress_of_5_mb_is_stored_and_told(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {})
    await job.updateProgress(LARGE)
    assert (await queue.getJob(job.id)).progress == LARGE
    assert (await story.until("progress"))["data"] == LARGE
    await job.updateProgress(7)
    assert (await queue.getJob(job.id)).progress == 7


async def test_a_running_job_may_tell_a_large_progress(make: Makers, queue: Any) -> None:
    async def process(job: Any, token: str) -> str:
        await job.updateProgress(LARGE)
        return "done"

    job = await queue.add("job", {})
    await Heard(make.worker(queue, process), "completed").once()
    stored = await queue.getJob(job.id)
    assert (stored.progress, stored.returnvalue) == (LARGE, "done")


async def test_log_rows_of_5_mb(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.log("first")
    assert await job.log(LARGE["text"] + LARGE["more"]) == 2
    logs = await queue.getJobLogs(job.id)
    assert logs == {"logs": ["first", LARGE["text"] + LARGE["more"]], "count": 2}


async def test_a_parent_reads_the_large_value_of_a_child(make: Makers) -> None:
    top, low = make.queue(), make.queue()
    child = {
        "name": "child",
        "queueName": low.name,
        "data": LARGE,
        "opts": {"jobId": "c", "removeOnComplete": True},
    }
    flow = {"name": "parent", "queueName": top.name, "data": {}, "children": [child]}
    parent = (await make.flow_producer().add(flow))["job"]
    await Heard(make.worker(low, echo), "completed").once()
    assert await parent.getChildrenValues() == {f"{low.qualifiedName}:c": LARGE}
    await parent.remove()
    assert await objects(top) == 0


async def test_what_is_kept_elsewhere_goes_with_its_job(make: Makers, queue: Any) -> None:
    job = await queue.add("large", LARGE)
    await job.log(LARGE["more"])
    await Heard(make.worker(queue, echo), "completed").once()
    assert await objects(queue) > 0
    await job.remove()
    assert await objects(queue) == 0


async def test_a_retried_job_forgets_its_large_result(make: Makers, queue: Any) -> None:
    job = await queue.add("large", LARGE)
    worker = make.worker(queue, echo)
    await Heard(worker, "completed").once()
    await worker.close()
    await job.retry("completed")
    stored = await queue.getJob(job.id)
    assert (stored.data, stored.returnvalue) == (LARGE, None)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        0,
        False,
        [],
        {},
        {"": ""},
        2**53 + 1,
        -(2**63) - 1,
        10**40,
        1e-7,
        1.1,
        "nul\0",
        "\u2028",
        "\ud800",
        "@abc:1:1",
        "line\nbreak",
        DEEP,
        {"a": [{"b": [None, {"c": "d"}]}]},
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "backslashreplace").decode(),
)
async def test_json_is_kept_exactly(make: Makers, queue: Any, value: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", value)
    assert json.dumps((await queue.getJob(job.id)).data) == json.dumps(value)
    await job.updateProgress(value)
    assert json.dumps((await queue.getJob(job.id)).progress) == json.dumps(value)
    seen, result = await Heard(make.worker(queue, echo), "completed").once()
    assert json.dumps(seen.data) == json.dumps(value) == json.dumps(result)
    assert json.dumps((await queue.getJob(job.id)).returnvalue) == json.dumps(value)
    assert json.dumps((await story.until("completed"))["returnvalue"]) == json.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
async def test_what_json_does_not_know_is_refused(queue: Any, value: Any) -> None:
    message = "Out of range float values are not JSON compliant"
    with pytest.raises(ValueError, match=message):
        await queue.add("job", value)
    with pytest.raises(ValueError, match=message):
        await queue.addBulk([{"name": "fine", "data": 1}, {"name": "job", "data": value}])
    job = await queue.add("job", {})
    with pytest.raises(ValueError, match=message):
        await job.updateData(value)
    with pytest.raises(ValueError, match=message):
        await job.updateProgress(value)
    assert await queue.getJobCountByTypes() == 1
