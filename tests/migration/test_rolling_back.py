"""What was carried comes back to Redis: the same content, the same order, for every version."""

from __future__ import annotations

from typing import Any

import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door

from .conftest import Load, RedisServer
from .reading import schedulers, snapshot
from .test_reading_golden_dumps import ALL


def forget_jobs(client: Any) -> None:
    """Deletes the hashes and parts of all jobs but the held one; schedulers stay."""
    for key in client.keys("*"):
        name = key.decode()
        scheduler = ":repeat:" in name and not name.rsplit(":", 1)[1].isdigit()
        part = name.endswith((":logs", ":dependencies", ":processed", ":unsuccessful"))
        if "held-with-lock" in name or name.endswith(":meta") or scheduler:
            continue
        if part or client.type(key) == b"hash":
            client.delete(key)


@pytest.mark.parametrize("dump", ALL)
async def test_a_round_trip_changes_nothing(
    dump: str, load: Load, options: Options, door: Door, redis_server: RedisServer
) -> None:
    load(dump)
    before, rules = await snapshot(door), await schedulers(door)
    paused = redis_server.client.hget("bull:resting place:meta", "paused")
    await run(options, Silent())
    report = await rollback(options, Silent())
    assert report.verdict is Verdict.FINE
    assert await snapshot(door) == before
    assert await schedulers(door) == rules
    client = redis_server.client
    assert client.hget("bull:resting place:meta", "paused") == paused
    assert not client.hexists("bull:audio:meta", "paused")
    assert not client.exists("bull:audio:meta-paused")
    assert not client.keys("*bull2jet*")


@pytest.mark.parametrize("dump", ALL)
async def test_jobs_are_written_anew_when_their_hashes_are_gone(
    dump: str, load: Load, options: Options, door: Door, redis_server: RedisServer
) -> None:
    load(dump)
    before = await snapshot(door)
    await run(options, Silent())
    forget_jobs(redis_server.client)
    await rollback(options, Silent())
    assert await snapshot(door) == before
