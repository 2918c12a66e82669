"""What `jetbull doctor` finds of a queue, its server and its workers."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.diagnosis import Finding, diagnose
from jetbull.server import EmbeddedServer


async def _nothing(job: Job, token: str) -> None:
    """A processor."""


def _wrong(findings: list[Finding]) -> list[str]:
    return [finding.detail for finding in findings if finding.grade == "wrong"]


def _settings(findings: list[Finding]) -> str:
    return next(finding.detail for finding in findings if finding.name == "settings")


async def test_nothing_is_wrong_with_a_queue_that_works(server: EmbeddedServer, name: str) -> None:
    options = {"connection": server.url}
    async with Queue(name, options) as queue, Worker(name, _nothing, options) as worker:
        await worker.waitUntilReady()
        assert _wrong(await diagnose(queue)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_msgs": 1000}, "has the limit max_msgs 1000"),
        ({"max_bytes": 10_000_000}, "has the limit max_bytes 10000000"),
        ({"max_age": 3600 * 10**9}, "has max_age"),
        ({"sealed": True}, "is sealed"),
    ],
)
async def test_what_was_changed_about_the_stream_is_named(
    server: EmbeddedServer, name: str, change: dict[str, Any], words: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        wire = (await queue.ledger()).wire
        config = (await wire.api("STREAM.INFO.JB_bull"))["config"]
        await wire.api("STREAM.UPDATE.JB_bull", {**config, **change})
        assert any(words in detail for detail in _wrong(await diagnose(queue)))


async def test_jobs_that_nobody_works_on_are_told(server: EmbeddedServer, name: str) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        await queue.add("job", {})
        assert any("no worker is there" in detail for detail in _wrong(await diagnose(queue)))


async def test_a_worker_that_is_driven_by_hand_is_not_taken_for_one_that_stands_still(
    server: EmbeddedServer, name: str
) -> None:
    options = {"connection": server.url}
    async with Queue(name, options) as queue, Worker(name, None, options) as worker:
        await queue.add("job", {})
        assert await worker.getNextJob("token")
        [told] = [one for one in await diagnose(queue) if one.name == "workers"]
        assert told.grade == "hint" and "driven by hand" in told.detail


async def test_a_message_that_no_jetbull_stored_and_that_never_moves_is_told(
    server: EmbeddedServer, name: str
) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        store = await queue.ledger()
        subject = store.names.job("active", "nonsense")
        await store.put(subject, b"not a job", {})
        assert any(subject in detail for detail in _wrong(await diagnose(queue)))


async def test_a_server_that_is_away_is_told(name: str) -> None:
    async with Queue(name, {"connection": "nats://127.0.0.1:1"}) as queue:
        assert any("No NATS server answers" in detail for detail in _wrong(await diagnose(queue)))


async def test_a_consumer_that_is_paused_on_the_server_is_told(
    server: EmbeddedServer, name: str
) -> None:
    options = {"connection": server.url}
    async with Queue(name, options) as queue, Worker(name, _nothing, options) as worker:
        await worker.waitUntilReady()
        wire = (await queue.ledger()).wire
        until = {"pause_until": "2100-01-01T00:00:00Z"}
        await wire.api(f"CONSUMER.PAUSE.JB_bull.w-{name}", until)
        assert any("is paused on the server" in detail for detail in _wrong(await diagnose(queue)))


async def test_what_keeps_jobs_from_starting_is_said(server: EmbeddedServer, name: str) -> None:
    async with Queue(name, {"connection": server.url}) as queue:
        assert "not paused and has no limit" in _settings(await diagnose(queue))
        await queue.pause()
        await queue.setGlobalConcurrency(2)
        await queue.setGlobalRateLimit(5, 60_000)
        await queue.rateLimit(60_000)
        said = _settings(await diagnose(queue))
        for part in ("is paused", "at most 2 jobs run", "at most 5 jobs start", "window ends in"):
            assert part in said
