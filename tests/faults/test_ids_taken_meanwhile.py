"""A job with a deduplication id whose own id somebody else takes in the moment of its add."""

from __future__ import annotations

import asyncio

import pytest

from jetbull.ledger.wire.pace import Pace
from jetbull.server import EmbeddedServer

from .doors import two_doors


@pytest.mark.parametrize("noted", [True, False])
async def test_a_job_whose_chosen_id_another_add_takes_meanwhile_is_its_duplicate_and_stored_once(
    server: EmbeddedServer, name: str, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: noted)
    async with two_doors(server, name) as (proxy, queue, slow):
        await slow.waitUntilReady()
        proxy.hold_message(f"HPUB jbq.bull.{name}.".encode())
        opts = {"jobId": "mine", "deduplication": {"id": "d"}}
        adding = asyncio.ensure_future(slow.add("job", "second", opts))
        await proxy.holding.wait()
        await queue.add("job", "first", {"jobId": "mine"})
        proxy.let_go()
        assert (await adding).id == "mine"
        assert [job.data for job in await queue.getWaiting()] == ["first"]
        assert await queue.getDeduplicationJobId("d") is None


async def test_of_two_adds_of_one_id_that_replace_the_same_job_one_is_a_duplicate(
    server: EmbeddedServer, name: str
) -> None:
    async with two_doors(server, name) as (proxy, queue, slow):
        opts = {"deduplication": {"id": "d", "replace": True}, "delay": 60_000}
        await queue.add("job", "old", opts)
        await slow.waitUntilReady()
        proxy.hold_message(f"HPUB jb.bull.{name}.".encode())
        adding = asyncio.ensure_future(slow.add("job", "second", {**opts, "jobId": "mine"}))
        await proxy.holding.wait()
        await queue.add("job", "first", {**opts, "jobId": "mine"})
        proxy.let_go()
        assert (await adding).id == "mine"
        assert [job.data for job in await queue.getDelayed()] == ["first"]
