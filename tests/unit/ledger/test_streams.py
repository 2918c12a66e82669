"""The streams of a prefix."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.errors import StoreError
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams.streams import configurations
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer


async def test_a_stream_made_by_an_older_jetbull_gets_the_subjects_it_lacks(
    nats_server: EmbeddedServer,
) -> None:
    space = Space("old")
    config = dict(configurations(space, 1)[0])
    config["subjects"] = [f"jb.{space.token}.>"]
    config["description"] = "the owner's"
    wire = await Wire.open([nats_server.url])
    await wire.api(f"STREAM.CREATE.{space.jobs}", config)
    queue = Queue("queue", {"connection": nats_server.url, "prefix": "old"})
    await queue.addBulk([{"name": "job", "opts": {"deduplication": {"id": "d"}}}])
    found = (await wire.api(f"STREAM.INFO.{space.jobs}"))["config"]
    assert set(found["subjects"]) == set(configurations(space, 1)[0]["subjects"])
    assert found["description"] == "the owner's"
    await queue.close()
    await wire.close()


def _with_account(limits: dict[str, Any]) -> EmbeddedServer:
    """A server whose user `tenant` has an account with these limits."""
    users = [{"user": "tenant", "password": "p"}]
    return EmbeddedServer(extra={"accounts": {"TENANT": {"jetstream": limits, "users": users}}})


async def test_an_account_that_may_have_few_consumers_has_room_for_a_queue() -> None:
    with _with_account({"max_consumers": 20}) as server:
        connection = {"servers": server.url, "user": "tenant", "password": "p"}
        async with (
            Queue("queue", {"connection": connection}) as queue,
            Worker("queue", lambda job: job.name, {"connection": connection}) as worker,
        ):
            completed = asyncio.Event()
            worker.on("completed", lambda job, result: completed.set())
            async with asyncio.timeout(30):
                await queue.add("job", {}, {"priority": 3})
                await completed.wait()
            assert (await queue.getJobCounts("completed", "failed")) == {
                "completed": 1,
                "failed": 0,
            }


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_streams": 1}, "A prefix needs five: raise max_streams"),
        ({"max_bytes_required": True}, "take max_bytes_required from the account"),
    ],
    ids=["streams", "bytes"],
)
async def test_what_an_account_forbids_is_told_with_its_remedy(
    limits: dict[str, Any], told: str
) -> None:
    with _with_account(limits) as server:
        connection = {"servers": server.url, "user": "tenant", "password": "p"}
        queue = Queue("queue", {"connection": connection})
        with pytest.raises(StoreError, match=told):
            await queue.getJobCounts()
        await queue.close()


def test_no_key_of_a_queue_lies_where_the_guards_of_its_jobs_look() -> None:
    names = Space("p").queue("q")
    for kind in ("dedup", "patch", "level", "part"):
        assert not names.aux(kind, "key").startswith(names.root + ".")
