"""What only the first BullMQs wrote, up to about 1.80: hashes without `parent` and `rjk`."""

from __future__ import annotations

import json
from typing import Any

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import RedisServer
from .working import worker_on

OLD = {"timestamp": 1_790_000_000_000, "delay": 0, "priority": 0}


def put(client: Any, key: str, opts: dict[str, Any], **fields: Any) -> None:
    """The hash of a job as BullMQ 1.40 writes it; `parentKey` is empty where there is no parent."""
    base = {"name": "work", "data": "{}", "parentKey": "", **OLD}
    client.hset(key, mapping={**base, "opts": json.dumps(opts), **fields})


def put_flow(client: Any) -> None:
    """A parent in `books` that waits for one child in `pages`."""
    parent = {"id": "book", "queue": "bull:books"}
    put(client, "bull:books:book", {"attempts": 0, "delay": 0})
    client.zadd("bull:books:waiting-children", {"book": OLD["timestamp"]})
    client.sadd("bull:books:book:dependencies", "bull:pages:page")
    put(client, "bull:pages:page", {"attempts": 0, "parent": parent}, parentKey="bull:books:book")
    client.lpush("bull:pages:wait", "page")
    for name in ("books", "pages"):
        client.hset(f"bull:{name}:meta", "opts.maxLenEvents", 10000)


async def test_a_parent_that_only_a_key_names_runs_when_its_child_is_done(
    redis_server: RedisServer, options: Options
) -> None:
    put_flow(redis_server.client)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    async with worker_on(options, "pages") as pages, worker_on(options, "books") as books:
        await pages.until("page")
        await books.until("book")
        parent = await books.queue.getJob("book")
        assert parent is not None
        assert await parent.getChildrenValues() == {"bull:pages:page": "done page"}
    assert (await verify(options, Silent())).verdict is Verdict.FINE
