"""What another program stored where jobs stand: it is put aside, and all jobs have their turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.faults.told import Told

from jetbull import Job, Queue, Worker

_TEXT = b"hello"
_UNTIMED = b'{}\n{"v":1,"name":"x"}\n1'
_NO_DATA = b'{}\n{"v":1,"name":"x","timestamp":1}\nhello'
_DEEP = b"[" * 450_000 + b"]" * 450_000  # Python 3.14 reads tens of thousands
_TOO_DEEP = b'{}\n{"v":1,"name":"x","timestamp":1}\n%b' % _DEEP
_GIVEN = b'{"v":1,"name":"x","timestamp":1}\n1'
_NO_TIME = b'{}\n{"v":1,"name":"x","timestamp":"soon"}\n1'
_NO_NAME = b'{}\n{"v":1,"name":5,"timestamp":1}\n1'
_ODD_ENDS = [
    b'{"stacktrace":5}\n%b' % _GIVEN,
    b'{"finishedOn":"soon"}\n%b' % _GIVEN,
    b'{"failedReason":{}}\n%b' % _GIVEN,
    b'{"deferredFailure":7}\n%b' % _GIVEN,
]
_NO_NUMBERS = b'{"attemptsStarted":"x","due":[]}\n{"v":1,"name":"x","timestamp":1}\n1'
_LANES = {"prio": "5"}
_OPTIONS: dict[str, dict[str, Any]] = {"head": {"lifo": True}, "prio": {"priority": 5}}


async def _store(queue: Queue, state: str, payload: bytes) -> None:
    store = await queue.ledger()
    subject = store.names.job(state, "foreign", _LANES.get(state, "-"))
    await (await store.wire.post(subject, payload))


@pytest.mark.parametrize(
    "payload",
    [
        _TEXT,
        b"",
        b"[]\n{}\n1",
        _UNTIMED,
        _NO_DATA,
        _TOO_DEEP,
        _NO_NUMBERS,
        _NO_TIME,
        _NO_NAME,
        *_ODD_ENDS,
    ],
)
@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("state", ["wait", "head", "prio"])
async def test_a_message_that_is_no_job_fails_when_its_turn_comes_and_keeps_no_job_waiting(
    queue: Queue, state: str, limit: int | None, payload: bytes
) -> None:
    await queue.add("first", 0, _OPTIONS.get(state, {}))  # makes the priority known
    await _store(queue, state, payload)
    await queue.add("last", 1, _OPTIONS.get(state, {}))
    assert len(await queue.getJobs(["waiting", "prioritized"])) == 3
    if limit is not None:
        await queue.setGlobalConcurrency(limit)
    ran: list[int] = []
    ended: asyncio.Queue[Any] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        ran.append(job.data)

    async with Worker(queue.name, process, {"connection": queue.opts["connection"]}) as worker:
        worker.on("completed", lambda job, *_: ended.put_nowait(job.id))
        worker.on("failed", lambda job, *_: ended.put_nowait(job.id))
        async with asyncio.timeout(20):
            assert {await ended.get() for _ in range(3)} == {"1", "foreign", "2"}
    assert sorted(ran) == [0, 1]
    (foreign,) = await queue.getFailed()
    assert "The stored message is no job" in str(foreign.failedReason)
    assert await queue.remove(foreign.id) == 1


@pytest.mark.parametrize("payload", [_TEXT, _NO_NUMBERS, _NO_TIME, *_ODD_ENDS])
@pytest.mark.parametrize("state", ["delayed", "active", "children", "completed", "failed"])
async def test_a_message_that_is_no_job_hides_no_job_from_lists(
    queue: Queue, state: str, payload: bytes
) -> None:
    await _store(queue, state, payload)
    await queue.add("later", 1, {"delay": 60_000})
    shown = {"children": "waiting-children"}.get(state, state)
    assert "foreign" in [job.id for job in await queue.getJobs([shown])]
    assert await queue.getJobState("foreign") == shown
    await queue.drain(delayed=True)
    assert await queue.getDelayedCount() == 0


async def test_a_change_that_is_none_is_passed_over(queue: Queue) -> None:
    job = await queue.add("job", 1)
    await job.updateData(2)
    store = await queue.ledger()
    await (await store.wire.post(store.names.aux("patch", job.id), _TEXT))
    found = await queue.getJob(job.id)
    assert found is not None
    assert found.data == 1


@pytest.mark.parametrize("payload", [_TEXT, b"", b"[]", b"{}", b'{"jobId": 7}'])
async def test_a_deduplication_key_that_is_none_counts_for_none(
    queue: Queue, payload: bytes
) -> None:
    store = await queue.ledger()
    await (await store.wire.post(store.names.aux("dedup", "only"), payload))
    opts = {"deduplication": {"id": "only"}}
    jobs = [await queue.add("job", number, opts) for number in range(2)]
    assert await queue.getDeduplicationJobId("only") == jobs[0].id == jobs[1].id


async def test_a_hint_that_is_none_is_logged_and_others_are_answered(queue: Queue) -> None:
    async def process(job: Job, token: str) -> None: ...

    connection = {"connection": queue.opts["connection"]}
    async with Worker(queue.name, process, connection) as worker:
        await worker.waitUntilReady()
        store = await queue.ledger()
        with Told("a listener failed", "jetbull.wire") as told:
            await store.wire.send(store.names.hint("cancel"), _TEXT)
            async with asyncio.timeout(20):
                await told.heard.wait()
        assert len(await queue.getWorkers()) == 1


_ENDLESS = b'{"next": 1e999, "start": NaN, "end": NaN, "count": 1e999}'
_NONE = [_TEXT, b"", b"[]", b"17", b'{"jobs": 1}', _ENDLESS, _DEEP]


@pytest.mark.parametrize("payload", _NONE)
@pytest.mark.parametrize(
    ("kind", "key"),
    [("meta", "queue"), ("gate", "rate"), ("gate", "slots"), ("sched", "s"), ("level", "x")],
)
async def test_what_is_no_setting_window_book_scheduler_or_level_keeps_no_job_waiting(
    queue: Queue, kind: str, key: str, payload: bytes
) -> None:
    store = await queue.ledger()
    if key == "slots":
        await queue.setGlobalConcurrency(1)
    await (await store.wire.post(store.names.aux(kind, key), payload))
    ran: asyncio.Queue[int] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        ran.put_nowait(job.data)

    await queue.upsertJobScheduler("known", {"every": 3_600_000}, "job", 0)
    await queue.add("job", 1, {"priority": 1})
    options = {"connection": queue.opts["connection"], "limiter": {"max": 100, "duration": 60_000}}
    async with Worker(queue.name, process, options), asyncio.timeout(20):
        assert {await ran.get(), await ran.get()} == {0, 1}
        assert [row["key"] for row in await queue.getJobSchedulers()] == ["known"]
        assert await queue.getRateLimitTtl() >= 0
        await queue.pause()
        assert await queue.isPaused()


async def test_a_scheduler_with_options_that_are_none_is_listed_with_all_others(
    queue: Queue,
) -> None:
    store = await queue.ledger()
    record = b'{"next": 4102444800000, "name": "odd", "every": 1000, "opts": "none"}'
    await (await store.wire.post(store.names.aux("sched", "odd"), record))
    await queue.upsertJobScheduler("known", {"every": 3_600_000}, "job", 0)
    assert [row["key"] for row in await queue.getJobSchedulers()] == ["odd", "known"]
    assert "template" not in (await queue.getJobScheduler("odd") or {"template": None})
