"""NATS has lost everything before `finalize`: Redis alone brings the jobs back as they were."""

from __future__ import annotations

from typing import Any

import bullmq
import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import NotGoError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.streams.streams import all_prefix_streams

from .conftest import Load, RedisServer, make_jobs, put_job
from .reading import schedulers, snapshot
from .test_reading_golden_dumps import ALL
from .test_rolling_back import address


async def lose(options: Options) -> Options:
    """Deletes all streams; how to put back what Redis has kept."""
    hold = await acquire(Target((options.to,)))
    for name in await all_prefix_streams(hold.wire):
        await hold.wire.api(f"STREAM.DELETE.{name}")
    await hold.release()
    return options.model_copy(update={"lost_target": True})


def content(client: Any) -> dict[bytes, Any]:
    """All that the libraries keep but what only wakes or tells, and the locks; the line of a paused
    queue has two names, of which BullMQ for Python reads either.
    """
    passing = (b":marker", b":events", b":delay", b":lock", b":stalled-check", b":pc")
    read = {
        b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }  # fmt: skip
    keys = [key for key in client.keys("*") if not key.endswith(passing)]
    return {key.replace(b":paused", b":wait"): read[client.type(key)](key) for key in keys}


@pytest.mark.parametrize("dump", ALL)
async def test_every_key_is_as_it_was(
    dump: str, load: Load, options: Options, redis_server: RedisServer
) -> None:
    load(dump)
    client = redis_server.client
    before = content(client)
    await run(options, Silent())
    await rollback(await lose(options), Silent())
    assert content(client) == before


async def test_finished_jobs_that_bull_2_keeps_in_sets_stand_in_sets_again(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    for number in ("1", "2"):
        job = {"data": "{}", "opts": "{}", "timestamp": 1, "attempts": 1, "delay": 0}
        client.hset(f"bull:q:{number}", mapping=job)
    client.sadd("bull:q:completed", "1", "2")
    client.set("bull:q:id", 2)
    before = content(client)
    await run(options, Silent())
    await rollback(await lose(options), Silent())
    assert content(client) == before


async def test_the_jobs_stand_before_those_that_came_since_and_old_workers_run_them(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    await run(options, Silent())
    put_job(client, "late")
    client.lpush("bull:q:wait", "late")
    report = await rollback(await lose(options), Silent())
    assert report.verdict is Verdict.FINE and report.queues[0].states["waiting"].count == 4
    assert client.lrange("bull:q:wait", 0, -1) == [b"late", b"w4", b"w3", b"w2", b"w1"]
    worker = bullmq.Worker("q", None, {"connection": address(redis_server), "autorun": False})
    job = await worker.getNextJob("token")
    assert job is not None and job.id == "w1"
    await worker.close(force=True)


async def test_it_is_no_way_back_while_nats_has_the_jobs(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 4)
    lost = options.model_copy(update={"lost_target": True})
    with pytest.raises(NotGoError, match="keeps nothing of bull:q that was carried"):
        await rollback(lost, Silent())
    await run(options, Silent())
    with pytest.raises(NotGoError, match="NATS has the jobs of bull:q"):
        await rollback(lost, Silent())
    assert (await verify(options, Silent())).verdict is Verdict.FINE


async def test_it_goes_on_where_it_was_broken_off(
    redis_server: RedisServer, options: Options, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_jobs(redis_server.client, 4)
    before, rules = await snapshot(door), await schedulers(door)
    await run(options, Silent())
    lost, whole = await lose(options), Handover.put_back

    async def broken_off(self: Handover, name: str, goal: str, kind: str) -> None:
        await whole(self, name, goal, kind)
        if name == "wait":
            raise KeyboardInterrupt

    monkeypatch.setattr(Handover, "put_back", broken_off)
    with pytest.raises(KeyboardInterrupt):
        await rollback(lost, Silent())
    monkeypatch.undo()
    with pytest.raises(NotGoError, match="carried to another NATS server"):
        await run(options, Silent())
    await rollback(lost, Silent())
    assert (await snapshot(door), await schedulers(door)) == (before, rules)
    assert (await run(options, Silent())).verdict is Verdict.FINE
