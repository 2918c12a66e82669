"""A NATS server, or an account on it, that cannot store all that Redis holds."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from jetbull import Queue
from jetbull.errors import StoreError
from jetbull.server.embedded import EmbeddedServer

from .commands import bull2jet
from .conftest import RedisServer, make_jobs, put_job

MOST = 2_000_000


def put_too_much(client: Any) -> None:
    """300 jobs of 10 KB, and some others."""
    make_jobs(client, 8)
    for number in range(300):
        put_job(client, f"large{number}", data=f'"{os.urandom(5000).hex()}"')
        client.lpush("bull:q:wait", f"large{number}")


def narrow(folder: Path, where: str, **more: int) -> EmbeddedServer:
    """A server that stores little, or gives its account little."""
    store: dict[str, Any] = {"store_dir": str(folder / "store")}
    if where == "server":
        return EmbeddedServer(folder, extra={"jetstream": {**store, "max_file_store": MOST}})
    account = {"jetstream": {"max_file": MOST, **more}, "users": [{"user": "ann", "password": "x"}]}
    extra = {"jetstream": store, "accounts": {"A": account}, "no_auth_user": "ann"}
    return EmbeddedServer(folder, extra=extra)


def test_the_same_command_goes_on_when_there_is_room(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    put_too_much(redis_server.client)
    with narrow(tmp_path, "server") as server:
        full = bull2jet("run", redis_server.url, "--to", server.url)
        assert full.code == 5 and "has no room left" in full.err
    store = {"store_dir": str(tmp_path / "store")}
    with EmbeddedServer(tmp_path / "wide", extra={"jetstream": store}) as server:
        done = bull2jet("run", redis_server.url, "--to", server.url)
        assert done.code == 0 and " 0 left in Redis" in done.out, done
        assert bull2jet("verify", redis_server.url, "--to", server.url).code == 0


async def fill(url: str) -> None:
    """Leaves no room for the smallest job."""
    queue = Queue("other", {"connection": url})
    with contextlib.suppress(StoreError):
        while True:
            await queue.add("small", {})
    await queue.close()


@pytest.mark.parametrize("where", ["server", "account"])
def test_the_way_back_needs_no_room(where: str, redis_server: RedisServer, tmp_path: Path) -> None:
    client = redis_server.client
    put_too_much(client)
    before = client.lrange("bull:q:wait", 0, -1)
    with narrow(tmp_path, where) as server:
        sides = (redis_server.url, "--to", server.url)
        assert bull2jet("run", *sides, "--batch", "20").code == 5
        assert client.llen("bull:q:wait") < len(before)
        asyncio.run(fill(server.url))
        back = bull2jet("rollback", *sides, "--yes")
    assert back.code == 0 and "back in Redis" in back.out, back
    assert client.lrange("bull:q:wait", 0, -1) == before


def test_the_way_back_leaves_queues_alone_that_the_run_has_not_come_to(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    client = redis_server.client
    put_too_much(client)
    job = client.hgetall("bull:q:large0")
    for root in ("bull:r", "other:q", "other:z"):
        client.hset(f"{root}:1", mapping=job)
        client.lpush(f"{root}:wait", "1")
        client.hset(f"{root}:meta", "version", "bullmq:5.13.0")
    before = client.lrange("bull:q:wait", 0, -1)
    with narrow(tmp_path, "account") as server:
        sides = (redis_server.url, "--to", server.url)
        assert bull2jet("run", *sides).code == 5
        asyncio.run(fill(server.url))
        back = bull2jet("rollback", *sides, "--yes")
        by_name = bull2jet("rollback", *sides, "--yes", "--queues", "other:z")
    assert back.code == 0 and "back in Redis" in back.out, back
    assert "not-begun [other:z]: it has not been migrated" in back.out
    assert client.lrange("bull:q:wait", 0, -1) == before
    assert client.lrange("other:z:wait", 0, -1) == [b"1"]
    assert by_name.code != 0


def test_plan_stops_where_the_account_may_not_store_so_much(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    put_too_much(redis_server.client)
    with narrow(tmp_path, "account") as server:
        planned = bull2jet("plan", redis_server.url, "--to", server.url)
        assert planned.code == 1 and "no-room" in planned.out
        fewer = bull2jet("plan", redis_server.url, "--to", server.url, "--states", "completed")
        assert fewer.code == 0, fewer.out


def test_what_else_the_server_refuses_is_told_with_what_to_do(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    make_jobs(redis_server.client, 8)
    with narrow(tmp_path, "account", max_streams=1) as server:
        refused = bull2jet("run", redis_server.url, "--to", server.url)
    assert refused.code == 5 and refused.err.startswith("bull2jet: NATS: The server refused: ")
    assert "type the same command again; nothing is lost." in refused.err
    assert redis_server.client.llen("bull:q:wait") == 8
