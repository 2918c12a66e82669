"""Messages of the first NATS generation become jobs of `audio-processing`, once each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from jetbull import Job, Queue, Worker
from jetbull.errors import StreamMissing
from jetbull.ledger.adding.intake import STREAM, Intake, take_in
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.wire import Msg, Wire
from jetbull.server import EmbeddedServer

PATIENCE = 15.0
OLD_STREAM = {
    "name": STREAM,
    "subjects": ["jobs.js.*", "jobs.python.*"],
    "retention": "workqueue",
    "max_age": 7 * 24 * 3600 * 10**9,
    "max_msgs": 10_000,
}


class OldApi:
    """Publishes as the old API did."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    async def publish(self, subject: str, body: Any) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        await (await self.wire.post(subject, payload))

    async def left(self) -> int:
        return int((await self.wire.api(f"STREAM.INFO.{STREAM}"))["state"]["messages"])


def envelope(job_id: str, name: str, **data: Any) -> dict[str, Any]:
    return {
        "jobId": job_id,
        "jobName": name,
        "data": data,
        "correlationId": "c-1",
        "timestamp": "2025-06-01T10:00:00.000Z",
    }


@pytest_asyncio.fixture
async def old_api(nats_server: EmbeddedServer) -> AsyncIterator[OldApi]:
    hold = await acquire(Target((nats_server.url,)))
    try:
        await hold.wire.api(f"STREAM.CREATE.{STREAM}", OLD_STREAM)
        yield OldApi(hold.wire)
        await hold.wire.api(f"STREAM.DELETE.{STREAM}")
    finally:
        await hold.release()


async def finished(worker: Worker, count: int) -> list[Job]:
    jobs: list[Job] = []
    enough = asyncio.Event()

    def hear(job: Job, _: Any) -> None:
        jobs.append(job)
        if len(jobs) >= count:
            enough.set()

    worker.on("completed", hear)
    await asyncio.wait_for(enough.wait(), PATIENCE)
    return jobs


async def done(job: Job, token: str) -> str:
    return "done"


async def test_waiting_messages_become_jobs_with_their_ids(old_api: OldApi) -> None:
    await old_api.publish("jobs.js.parse-epub", envelope("1700-a", "parse-epub", bookId="b"))
    await old_api.publish("jobs.python.add-simple-diacritics", envelope("1700-b", "x", bookId="c"))
    async with Worker("audio-processing", done) as worker, Queue("audio-processing") as queue:
        jobs = {job.id: job for job in await finished(worker, 2)}
        assert {i: job.name for i, job in jobs.items()} == {
            "1700-a": "parse-epub",
            "1700-b": "add-simple-diacritics",
        }
        assert jobs["1700-a"].data == {"bookId": "b", "correlationId": "c-1"}
        assert jobs["1700-a"].timestamp == 1_748_772_000_000
        assert await queue.getJobCounts("completed") == {"completed": 2}
    assert await old_api.left() == 0


async def test_messages_that_come_while_the_worker_runs_are_taken_in(old_api: OldApi) -> None:
    async with Worker("audio-processing", done) as worker:
        await worker.waitUntilReady()
        listening = asyncio.create_task(finished(worker, 20))  # the first may be done any moment
        for n in range(20):
            await old_api.publish("jobs.js.generate-audio", envelope(f"id-{n}", "generate-audio"))
        jobs = await listening
    assert sorted(job.id for job in jobs) == sorted(f"id-{n}" for n in range(20))
    assert await old_api.left() == 0


async def test_several_takers_make_one_job_of_a_message(old_api: OldApi) -> None:
    async with Queue("audio-processing") as queue:
        store = await queue.ledger()
        for n in range(10):
            await old_api.publish("jobs.js.parse-epub", envelope(f"id-{n}", "parse-epub", n=n))
        await asyncio.gather(*(take_in(store) for _ in range(4)))
        waiting = await queue.getWaiting()
        assert sorted(job.data["n"] for job in waiting) == list(range(10))
        assert await old_api.left() == 0


async def test_a_message_taken_in_before_a_crash_does_not_come_again(old_api: OldApi) -> None:
    """The job and the mark that its message was taken are one step; only the deletion was lost."""
    async with Queue("audio-processing") as queue:
        store = await queue.ledger()
        await old_api.publish("jobs.js.parse-epub", envelope("only", "parse-epub"))
        original = store.wire.api
        calls: list[str] = []

        async def dies_before_deleting(verb: str, body: Any = None, timeout: float = 5.0) -> Any:
            if verb.startswith("STREAM.MSG.DELETE"):
                calls.append(verb)
                raise ConnectionResetError("killed")
            return await original(verb, body, timeout)

        store.wire.api = dies_before_deleting  # type: ignore[method-assign]
        with pytest.raises(ConnectionResetError):
            await take_in(store)
        store.wire.api = original  # type: ignore[method-assign]
        assert len(calls) == 1
        await queue.remove("only")
        await take_in(store)
        assert await queue.getJob("only") is None
        assert await old_api.left() == 0


async def test_messages_old_workers_gave_up_are_taken_in_too(old_api: OldApi) -> None:
    consumer = {
        "stream_name": STREAM,
        "config": {
            "durable_name": "js-worker",
            "filter_subject": "jobs.js.*",
            "ack_policy": "explicit",
            "max_deliver": 1,
        },
    }
    await old_api.wire.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.js-worker", consumer)
    await old_api.publish("jobs.js.parse-epub", envelope("given-up", "parse-epub"))
    pulled: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(message: Msg) -> None:
        pulled.put_nowait(message.data)

    inbox = old_api.wire.new_inbox()
    subscription = await old_api.wire.subscribe(inbox, hear)
    await old_api.wire.send(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.js-worker", b"1", inbox)
    assert b"given-up" in await asyncio.wait_for(pulled.get(), PATIENCE)
    await old_api.wire.unsubscribe(subscription)
    async with Worker("audio-processing", done) as worker:
        [job] = await finished(worker, 1)
    assert job.id == "given-up"


async def test_bare_data_becomes_a_job_with_an_id_of_its_own(old_api: OldApi) -> None:
    async with Queue("audio-processing") as queue:
        await old_api.publish("jobs.js.parse-epub", {"bookId": "b", "s3Key": "raw/b.epub"})
        await take_in(await queue.ledger())
        [job] = await queue.getWaiting()
        assert (job.name, job.data) == ("parse-epub", {"bookId": "b", "s3Key": "raw/b.epub"})
        assert job.id.startswith("intake-")


async def test_what_is_no_json_becomes_a_job_that_can_be_seen(old_api: OldApi) -> None:
    async with Queue("audio-processing") as queue:
        await old_api.publish("jobs.js.parse-epub", b"{broken")
        await take_in(await queue.ledger())
        [job] = await queue.getWaiting()
        assert job.data == "{broken"


@pytest.mark.parametrize("timestamp", [float("nan"), float("inf"), -float("inf")])
async def test_a_time_that_is_none_keeps_no_message_from_becoming_a_job(
    old_api: OldApi, timestamp: float
) -> None:
    async with Queue("audio-processing") as queue:
        body = {**envelope("odd", "parse-epub"), "timestamp": timestamp}
        await old_api.publish("jobs.js.parse-epub", body)
        await old_api.publish("jobs.js.parse-epub", envelope("next", "parse-epub"))
        await take_in(await queue.ledger())
        assert [job.id for job in await queue.getWaiting()] == ["odd", "next"]


async def test_a_message_whose_id_no_job_can_have_becomes_a_job_with_an_id_of_its_own(
    old_api: OldApi,
) -> None:
    async with Queue("audio-processing") as queue:
        await old_api.publish("jobs.js.parse-epub", envelope("long" * 300, "parse-epub", n=1))
        await old_api.publish("jobs.js.parse-epub", envelope("next", "parse-epub"))
        await take_in(await queue.ledger())
        first, second = await queue.getWaiting()
        assert (first.id[:7], first.data["n"], second.id) == ("intake-", 1, "next")


async def test_a_job_that_is_there_already_is_not_made_again(old_api: OldApi) -> None:
    async with Queue("audio-processing") as queue:
        await queue.add("parse-epub", {"first": True}, {"jobId": "same"})
        await old_api.publish("jobs.js.parse-epub", envelope("same", "parse-epub"))
        await take_in(await queue.ledger())
        [job] = await queue.getWaiting()
        assert job.data == {"first": True}
        assert await old_api.left() == 0


async def test_the_stream_is_kept_for_the_old_api(nats_server: EmbeddedServer) -> None:
    """The old workers made the stream; without it the old API could publish nothing."""
    hold = await acquire(Target((nats_server.url,)))
    old_api = OldApi(hold.wire)
    try:
        async with Worker("audio-processing", done) as worker:
            await asyncio.wait_for(_until_created(old_api), PATIENCE)
            await old_api.publish("jobs.js.parse-epub", envelope("new", "parse-epub"))
            [job] = await finished(worker, 1)
        assert job.id == "new"
        await hold.wire.api(f"STREAM.DELETE.{STREAM}")
    finally:
        await hold.release()


async def test_a_stream_with_other_subjects_takes_ours_too(nats_server: EmbeddedServer) -> None:
    hold = await acquire(Target((nats_server.url,)))
    old_api = OldApi(hold.wire)
    try:
        await hold.wire.api(f"STREAM.CREATE.{STREAM}", {**OLD_STREAM, "subjects": ["jobs.*"]})
        async with Queue("audio-processing") as queue:
            intake = asyncio.ensure_future(Intake(await queue.ledger()).run())
            await asyncio.wait_for(_until_subjects(old_api), PATIENCE)
            await old_api.publish("jobs.js.parse-epub", envelope("late", "parse-epub"))
            await asyncio.wait_for(_until_added(queue, "late"), PATIENCE)
            intake.cancel()
            await asyncio.gather(intake, return_exceptions=True)
        await hold.wire.api(f"STREAM.DELETE.{STREAM}")
    finally:
        await hold.release()


async def _until_created(old_api: OldApi) -> None:
    while True:
        try:
            await old_api.left()
        except StreamMissing:
            await asyncio.sleep(0.02)
        else:
            return


async def _until_subjects(old_api: OldApi) -> None:
    while True:
        info = await old_api.wire.api(f"STREAM.INFO.{STREAM}")
        if "jobs.js.*" in info["config"]["subjects"]:
            return
        await asyncio.sleep(0.02)


async def _until_added(queue: Queue, job_id: str) -> None:
    while await queue.getJob(job_id) is None:
        await asyncio.sleep(0.02)
