"""Names that look like something else: usable in full, or refused with one clear error.

Whatever a queue, a prefix, a job, a scheduler or a deduplication id is called, its neighbours are
never touched.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story

from jetbull.errors import ConfigurationError

NAMES = [
    "",
    ".",
    "..",
    "*",
    ">",
    "a.*.>",
    "a b",
    " ",
    "\t",
    "line\r\nbreak",
    "nul\0",
    "=",
    "=2E",
    "_",
    "שלום",
    "🎧",
    "\ud800",
    "x" * 500,
    "$JS.API.STREAM.DELETE.x",
    "../../etc",
    "a/b\\c",
    "%2e",
    "A",
    "a",
    "head",
    "delayed",
    "n-987654321",
]
WITH_COLONS = [":", "a:b", "a:b:c", "::"]


def shown(name: str) -> str:
    return (repr(name)[1:-1][:24] or "empty").encode("ascii", "backslashreplace").decode()


async def echo(job: Any, token: str) -> Any:
    return job.data


async def neighbours(make: Makers, *besides: str) -> list[Any]:
    """A job in each of some queues whose names are easily taken for others."""
    names = {"neighbour", "a", "x", "other.queue", "b.c"} - {*besides}
    queues = [make.queue(name) for name in sorted(names)]
    for queue in queues:
        await queue.add("untouched", {})
    return queues


async def live(make: Makers, queue: Any, job_id: str | None = None, **options: Any) -> None:
    """A whole life of a queue: add, read, process, tell, log, remove, obliterate."""
    story = Story(make.events(queue, **options))
    opts = {} if job_id is None else {"jobId": job_id}
    job = await queue.add("job", {"n": 1}, opts)
    assert [j.id for j in await queue.getWaiting()] == [job.id]
    assert await queue.getJobState(job.id) == "waiting"
    await job.log("row")
    worker = make.worker(queue, echo, **options)
    done, result = await Heard(worker, "completed").once()
    assert (done.id, result) == (job.id, {"n": 1})
    assert (await story.until("completed"))["jobId"] == job.id
    await worker.close()
    assert await queue.getJobCounts("completed", "waiting") == {"completed": 1, "waiting": 0}
    assert (await queue.getJobLogs(job.id))["logs"] == ["row"]
    await queue.add("delayed", {}, {"delay": 60_000})
    await queue.drain(True)
    assert await queue.remove(job.id) == 1
    assert await queue.getJobState(job.id) == "unknown"
    await queue.obliterate(True)
    assert await queue.getJobCountByTypes() == 0


@pytest.mark.parametrize("name", [*NAMES, *WITH_COLONS], ids=shown)
async def test_a_queue_may_have_any_name(make: Makers, name: str) -> None:
    others = await neighbours(make, name)
    await live(make, make.queue(name))
    assert [await queue.getWaitingCount() for queue in others] == [1] * len(others)


@pytest.mark.parametrize("name", ["head", "wait", "delayed", "active"])
async def test_a_queue_named_as_a_state_gives_its_jobs_by_hand_in_order(
    make: Makers, name: str
) -> None:
    queue = make.queue(name)
    jobs = await queue.addBulk([{"name": f"job {n}", "data": {}} for n in range(3)])
    assert [job.id for job in await queue.getWaiting()] == [job.id for job in jobs]
    worker = make.worker(queue)
    for job in jobs:
        taken = await worker.getNextJob("token")
        assert taken.id == job.id
        await taken.moveToCompleted(None, "token", False)
    assert await queue.getCompletedCount() == 3


@pytest.mark.parametrize("prefix", [*(n for n in NAMES if n), *WITH_COLONS], ids=shown)
async def test_a_prefix_may_have_any_name(make: Makers, prefix: str) -> None:
    others = await neighbours(make)
    await live(make, make.queue("q", prefix=prefix), prefix=prefix)
    assert [await queue.getWaitingCount() for queue in others] == [1] * len(others)


@pytest.mark.parametrize("job_id", [n for n in NAMES if n] + ["a:b:c", "::"], ids=shown)
async def test_a_job_may_have_any_id(make: Makers, queue: Any, job_id: str) -> None:
    names = ["neighbour", "aa", "x", "other.id", "A.", "b"]
    others = [await queue.add("untouched", {}, {"jobId": name}) for name in names]
    await queue.pause()
    job = await queue.add("job", {"mine": 1}, {"jobId": job_id})
    again = await queue.add("job", {"mine": 2}, {"jobId": job_id})
    assert (job.id, again.id) == (job_id, job_id)
    await job.updateProgress(5)
    await job.log("row")
    assert (await queue.getJob(job_id)).progress == 5
    assert await queue.remove(job_id) == 1
    assert await queue.getJob(job_id) is None
    states = [await queue.getJobState(other.id) for other in others]
    assert states == ["waiting"] * len(others)


@pytest.mark.parametrize("job_id", [n for n in NAMES if n], ids=shown)
async def test_a_job_of_any_id_may_have_children(make: Makers, job_id: str) -> None:
    top, low = make.queue("top"), make.queue("a.b")
    child = {"name": "child", "queueName": low.name, "data": 7, "opts": {"jobId": job_id}}
    flow = {
        "name": "parent",
        "queueName": top.name,
        "data": {},
        "opts": {"jobId": job_id},
        "children": [child],
    }
    parent = (await make.flow_producer().add(flow))["job"]
    assert await parent.getState() == "waiting-children"
    await Heard(make.worker(low, echo), "completed").once()
    assert await parent.getChildrenValues() == {f"{low.qualifiedName}:{job_id}": 7}
    assert await parent.getState() == "waiting"


@pytest.mark.parametrize("name", [*(n for n in NAMES if n), *WITH_COLONS], ids=shown)
async def test_a_scheduler_may_have_any_id(make: Makers, queue: Any, name: str) -> None:
    await queue.upsertJobScheduler("neighbour", {"every": 3_600_000}, "untouched", {})
    job = await queue.upsertJobScheduler(name, {"every": 100}, "tick", {"n": 1})
    assert job.repeatJobKey == name
    assert (await queue.getJobScheduler(name))["key"] == name
    worker = make.worker(queue, echo)
    done, _ = await Heard(worker, "completed").where(lambda job, _: job.name == "tick")
    assert done.repeatJobKey == name
    await worker.close()
    assert await queue.removeJobScheduler(name) == 0
    assert [s["key"] for s in await queue.getJobSchedulers()] == ["neighbour"]


@pytest.mark.parametrize("name", [*(n for n in NAMES if n), *WITH_COLONS], ids=shown)
async def test_a_deduplication_id_may_be_anything(queue: Any, name: str) -> None:
    neighbour = await queue.add("untouched", {}, {"deduplication": {"id": "neighbour"}})
    first = await queue.add("job", {}, {"deduplication": {"id": name}})
    second = await queue.add("job", {}, {"deduplication": {"id": name}})
    assert second.id == first.id
    assert await queue.getDeduplicationJobId(name) == first.id
    assert await queue.removeDeduplicationKey(name) == 1
    assert await queue.getDeduplicationJobId("neighbour") == neighbour.id


async def test_names_that_differ_only_in_odd_characters_stay_apart(make: Makers) -> None:
    names = ["a.b", "a b", "a*b", "a>b", "a=2Eb", "a:b", "A.B", "a.b ", "a_b", "a-b", "a/b"]
    queues = [make.queue(name) for name in names]
    for queue in queues:
        await queue.add(queue.name, {})
    assert [[j.name for j in await queue.getWaiting()] for queue in queues] == [
        [name] for name in names
    ]


@pytest.mark.parametrize("kind", ["queue", "prefix", "job"])
async def test_a_name_too_long_for_the_server_is_refused_in_one_sentence(
    make: Makers, kind: str
) -> None:
    name = "ש" * 5_000
    queue = make.queue(name) if kind == "queue" else make.queue("q")
    if kind == "prefix":
        queue = make.queue("q", prefix=name)
    with pytest.raises(ConfigurationError, match=r"too long .*: use at most [0-9]+\.$"):
        await queue.add("job", {}, {"jobId": name} if kind == "job" else {})
