"""Every role does its work, and no more, on a server that denies by default."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jetbull import FlowProducer, Queue, QueueEvents, Worker
from jetbull.cli import main
from jetbull.errors import AckTimeout, ConfigurationError
from jetbull.ledger.queue import tally
from jetbull.permissions import ROLES, permissions_of
from jetbull.server import EmbeddedServer

QUEUE = "emails.of>you*"
PASSWORD = "x"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A user for each role, and one for nobody's queue; the admin has made the streams."""
    users: list[dict[str, Any]] = [
        {
            "user": role,
            "password": PASSWORD,
            "permissions": permissions_of(
                role, [QUEUE, "parents"], inbox=f"_INBOX_{role}"
            ).as_config(),
        }
        for role in ROLES
    ]
    users.append(
        {
            "user": "stranger",
            "password": PASSWORD,
            "permissions": permissions_of("producer", ["another"]).as_config(),
        }
    )
    with EmbeddedServer(tmp_path / "node", extra={"authorization": {"users": users}}) as server:
        queue = queue_of(server, "admin")
        await queue.getJobCounts()
        await queue.close()
        yield server


def login(server: EmbeddedServer, role: str) -> dict[str, Any]:
    connection = {"url": server.url, "user": role, "password": PASSWORD}
    if role in ROLES:
        connection["inbox_prefix"] = f"_INBOX_{role}"
    return connection


def queue_of(server: EmbeddedServer, role: str, name: str = QUEUE) -> Queue:
    return Queue(name, {"connection": login(server, role)})


async def test_a_producer_adds_jobs_of_every_kind(server: EmbeddedServer) -> None:
    queue = queue_of(server, "producer")
    for opts in (
        {},
        {"delay": 60_000},
        {"priority": 2},
        {"lifo": True},
        {"jobId": "mine"},
        {"deduplication": {"id": "once"}},
    ):
        await queue.add("job", {"n": 1}, opts)
    await queue.add("large", {"text": "x" * 700_000})
    await queue.addBulk([{"name": "job", "data": {}} for _ in range(5)])
    await queue.upsertJobScheduler("every", {"every": 60_000}, {"name": "job"})
    flow = FlowProducer({"connection": login(server, "producer")})
    child = {"name": "child", "queueName": QUEUE}
    await flow.add({"name": "parent", "queueName": "parents", "children": [child]})
    await flow.close()
    await queue.close()


async def test_a_worker_runs_flows_over_its_queues_and_keeps_to_retention(
    server: EmbeddedServer,
) -> None:
    producer = FlowProducer({"connection": login(server, "producer")})
    keep = {"removeOnComplete": {"count": 1}}
    children = [{"name": "child", "queueName": QUEUE, "opts": keep} for _ in range(3)]
    await producer.add({"name": "parent", "queueName": "parents", "children": children})
    finished = asyncio.Event()

    async def process(job: Any, token: str) -> Any:
        await job.log("a line")
        await job.updateProgress(50)
        return job.name

    workers = [
        Worker(name, process, {"connection": login(server, "worker")})
        for name in (QUEUE, "parents")
    ]
    workers[1].on("completed", lambda *_: finished.set())
    async with asyncio.timeout(20):
        await finished.wait()
    for worker in workers:
        await worker.close()
    await producer.close()
    reader = queue_of(server, "reader")
    assert (await reader.getJobCounts("completed"))["completed"] == 1
    await reader.close()


@pytest.mark.parametrize("most", [0, tally.EXACT_LIMIT])
async def test_a_reader_sees_jobs_counts_logs_workers_and_events(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(tally, "EXACT_LIMIT", most)
    reader, producer = queue_of(server, "reader"), queue_of(server, "producer")
    events = QueueEvents(QUEUE, {"connection": login(server, "reader")})
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    events.on("completed", lambda args, _: told.set_result(args["jobId"]))
    await events.waitUntilReady()
    job = await producer.add("job", {"n": 1})

    async def process(job: Any, token: str) -> None:
        await job.log("seen")

    worker = Worker(QUEUE, process, {"connection": login(server, "worker")})
    async with asyncio.timeout(20):
        assert await told == job.id
    read = await reader.getJob(job.id)
    assert read is not None
    assert read.name == "job"
    assert (await reader.getJobLogs(job.id))["logs"] == ["seen"]
    assert len(await reader.getWorkers()) == 1
    assert "completed" in await reader.getJobCounts()
    for one in (worker, events, reader, producer):
        await one.close()


async def test_a_reader_counts_prioritized_jobs_on_which_no_worker_is(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "EXACT_LIMIT", 0)
    reader, producer = queue_of(server, "reader"), queue_of(server, "producer")
    for priority in (5, 5, 7):
        await producer.add("job", {}, {"priority": priority})
    async with asyncio.timeout(5):
        assert (await reader.getJobCounts("prioritized"))["prioritized"] == 3
        assert await reader.getCountsPerPriority([5, 7]) == {"5": 2, "7": 1}
    for one in (reader, producer):
        await one.close()


async def test_an_admin_pauses_cleans_and_obliterates(server: EmbeddedServer) -> None:
    admin = queue_of(server, "admin")
    await admin.add("job", {})
    await admin.pause()
    assert await admin.isPaused()
    await admin.resume()
    await admin.drain()
    await admin.obliterate({"force": True})
    assert await admin.getWaitingCount() == 0
    await admin.close()


REFUSED = [
    ("reader", "$JS.API.STREAM.PURGE.JB_bull"),
    ("reader", "$JS.API.STREAM.DELETE.JB_bull"),
    ("reader", "$JS.API.CONSUMER.MSG.NEXT.JB_bull.w-emails=2Eof=3Eyou=2A"),
    ("producer", "$JS.API.STREAM.PURGE.JB_bull"),
    ("producer", "$JS.API.STREAM.DELETE.JB_bull"),
    ("producer", "$JS.API.CONSUMER.CREATE.JB_bull.mine"),
    ("producer", "jb.bull.emails=2Eof=3Eyou=2A.completed.-.1"),
    ("producer", "jb.bull.another.wait.-.1"),
    ("worker", "$JS.API.STREAM.DELETE.JB_bull"),
    ("worker", "$JS.API.STREAM.UPDATE.JB_bull"),
    ("worker", "jb.bull.another.wait.-.1"),
    ("reader", "jb.bull.emails=2Eof=3Eyou=2A.wait.-.1"),
    ("stranger", "jb.bull.emails=2Eof=3Eyou=2A.wait.-.1"),
    ("admin", "jb.other.emails.wait.-.1"),
    ("admin", "$JS.API.STREAM.DELETE.JB_other"),
]


@pytest.mark.parametrize(("role", "subject"), REFUSED)
async def test_what_a_role_does_not_need_is_refused_and_told(
    server: EmbeddedServer, role: str, subject: str
) -> None:
    queue = queue_of(server, role, "another" if role == "stranger" else QUEUE)
    wire = (await queue.ledger()).wire
    with pytest.raises(AckTimeout, match=r"(?i)permissions violation"):
        await wire.request(subject, b"{}", timeout=0.5)
    await queue.close()


async def test_who_connects_first_and_may_not_make_the_streams_learns_it_at_the_first_refusal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    user = {"user": "producer", "password": PASSWORD}
    rights = permissions_of("producer", [QUEUE], inbox="_INBOX_producer").as_config()
    accounts = {"authorization": {"users": [{**user, "permissions": rights}]}}
    with EmbeddedServer(tmp_path / "node", extra=accounts) as server:
        queue = queue_of(server, "producer")
        with pytest.raises(AckTimeout, match="the streams are made by an admin"):
            await queue.add("job", {})
        await queue.close()
    asked = [r.getMessage() for r in caplog.records if "stream.create" in r.getMessage()]
    assert len(asked) == len(set(asked))


async def test_no_role_hears_the_answers_of_another(server: EmbeddedServer) -> None:
    spy = queue_of(server, "producer")
    heard: list[bytes] = []

    async def listen(msg: Any) -> None:
        heard.append(msg.data)

    wire = (await spy.ledger()).wire
    await wire.subscribe("_INBOX_admin.>", listen)
    admin = queue_of(server, "admin")
    await admin.add("job", {"secret": True})
    await admin.close()
    await spy.close()
    assert heard == []


def test_the_command_prints_what_the_server_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["permissions", "--role", "producer", "--queue", QUEUE]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"permissions": permissions_of("producer", [QUEUE]).as_config()}


def test_the_command_prints_a_line_for_nsc(capsys: pytest.CaptureFixture[str]) -> None:
    main(["permissions", "--role", "worker", "--queue", "a b", "--format", "nsc"])
    printed = capsys.readouterr().out
    assert printed.startswith("nsc edit user USER ")
    assert "--allow-pub 'jb.bull.a=20b.>'" in printed


def test_an_empty_prefix_is_the_default_one_as_for_queues() -> None:
    assert permissions_of("producer", ["q"], "") == permissions_of("producer", ["q"])


def test_an_unknown_role_is_named() -> None:
    with pytest.raises(ConfigurationError, match="role is 'boss'"):
        permissions_of("boss", ["q"])


@pytest.mark.parametrize("inbox", ["", "*", ">", "a.>", "a b", "a..b", "_INBOX."])
def test_an_inbox_that_would_hear_more_than_its_own_answers_is_refused(inbox: str) -> None:
    with pytest.raises(ConfigurationError, match="inbox is"):
        permissions_of("reader", ["q"], inbox=inbox)
