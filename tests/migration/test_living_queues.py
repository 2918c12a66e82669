"""`inspect` and `plan` look at queues whose old workers are at work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Command, Door

from .conftest import put_job


@pytest.mark.parametrize("command", [inspect, plan])
async def test_jobs_that_workers_finish_and_remove_meanwhile_are_no_damage(
    command: Any, client: Any, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_redis = Door.calls

    async def calls(self: Door, commands: Sequence[Command], **more: bool) -> list[Any]:
        if ("HGETALL", "bull:q:w1") in commands:
            client.lrem("bull:q:wait", 0, "w1")
            client.delete("bull:q:w1")
        return await from_redis(self, commands, **more)

    monkeypatch.setattr(Door, "calls", calls)
    client.delete("bull:q:w2")  # while this one was evicted
    report = await command(options, Silent())
    assert [(f.code, f.job) for f in report.findings] == [("missing-hash", "w2")]
    if command is plan:
        assert report.verdict is Verdict.LEFT
        assert report.summary == "Go: 14 of 15 jobs would be carried."


@pytest.mark.parametrize("command", [inspect, plan])
async def test_jobs_that_come_or_go_while_all_keys_are_gone_through_are_no_orphans(
    command: Any, client: Any, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_redis, scanned = Door.keys, 0

    async def keys(self: Door, pattern: str = "*", count: int = 1000) -> AsyncIterator[list[str]]:
        nonlocal scanned
        scanned += 1
        if scanned > 1:  # the queues are known
            put_job(client, f"new{scanned}")
            client.lpush("bull:q:wait", f"new{scanned}")
        async for page in from_redis(self, pattern, count):
            yield [*page, "bull:q:gone", "bull:q:gone:lock"]

    monkeypatch.setattr(Door, "keys", keys)
    put_job(client, "orphan")
    report = await command(options, Silent())
    assert scanned > 1
    assert [(f.code, f.job) for f in report.findings] == [("orphan-job", "orphan")]
