"""What docs/operating.md says about backups."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from jetbull import FlowProducer, Job, Queue, QueueEvents, Worker
from jetbull.server import EmbeddedServer

_STREAMS = ("JB_bull", "JBC_bull", "JBE_bull", "JBL_bull", "JBO_bull")


async def _fill(url: str) -> list[str]:
    """Jobs of every kind; their ids."""
    async with Queue("q", {"connection": url}) as queue:
        held = await queue.add("held", {})
        async with Worker("q", None, {"connection": url, "lockDuration": 3000}) as worker:
            assert await worker.getNextJob("token") is not None
        added = [
            held,
            await queue.add("plain", {}),
            await queue.add("delayed", {}, {"delay": 3000}),
            await queue.add("large", {"text": "x" * 300_000}),
        ]
    async with FlowProducer({"connection": url}) as producer:
        child = {"name": "child", "queueName": "q"}
        flow = await producer.add({"name": "parent", "queueName": "q", "children": [child]})
    assert flow is not None
    return [str(job.id) for job in (*added, flow["job"])]


async def _check(url: str, ids: list[str]) -> None:
    """All jobs run, and ids go on."""
    connection = {"connection": url}
    async with (
        Queue("q", connection) as queue,
        QueueEvents("q", connection) as events,
        Worker("q", _size, connection),
    ):
        jobs = [await queue.getJob(one) for one in ids]
        sizes = [await job.waitUntilFinished(events, 60_000) for job in jobs if job is not None]
        assert len(sizes) == len(ids) and max(sizes) > 300_000
        assert (await queue.add("new", {})).id not in ids


async def _size(job: Job) -> int:
    return len(str(job.data))


@pytest.mark.timeout(120)
async def test_the_folder_of_a_stopped_server_is_a_backup(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "one") as server:
        ids = await _fill(server.url)
    shutil.copytree(tmp_path / "one" / "store", tmp_path / "two" / "store")
    with EmbeddedServer(tmp_path / "two") as server:
        await _check(server.url, ids)


@pytest.mark.timeout(120)
async def test_snapshots_of_the_streams_are_a_backup(tmp_path: Path) -> None:
    """`nats stream backup` and `restore` send just these requests."""
    with EmbeddedServer() as server:
        ids = await _fill(server.url)
        async with await nats.connect(server.url) as client:
            kept = {stream: await _snapshot(client, stream) for stream in _STREAMS}
    with EmbeddedServer() as server:
        async with await nats.connect(server.url) as client:
            for stream, snapshot in kept.items():
                await _restore(client, stream, *snapshot)
        await _check(server.url, ids)


async def _snapshot(client: Client, stream: str) -> tuple[dict[str, Any], list[bytes]]:
    inbox = client.new_inbox()
    chunks = await client.subscribe(inbox)
    info = await _ask(client, f"$JS.API.STREAM.SNAPSHOT.{stream}", {"deliver_subject": inbox})
    kept: list[bytes] = []
    while (chunk := await chunks.next_msg(timeout=30)).data:
        kept.append(chunk.data)
        if chunk.reply:
            await chunk.respond(b"")
    return info, kept


async def _restore(client: Client, stream: str, info: dict[str, Any], kept: list[bytes]) -> None:
    wanted = {"config": info["config"], "state": info["state"]}
    subject = (await _ask(client, f"$JS.API.STREAM.RESTORE.{stream}", wanted))["deliver_subject"]
    for chunk in (*kept, b""):
        answer = await client.request(subject, chunk, timeout=30)
    assert "error" not in json.loads(answer.data)


async def _ask(client: Client, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    message = await client.request(subject, json.dumps(body).encode(), timeout=30)
    answer: dict[str, Any] = json.loads(message.data)
    assert "error" not in answer, answer
    return answer
