"""A run that dies at any moment, and is repeated, loses nothing and carries nothing twice."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Awaitable
from typing import Any

import anyio
import pytest
from anyio.abc import Process

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import NotGoError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict
from bull2jet.source.address import parse
from bull2jet.source.door import Door, open_door
from jetbull.ledger.wire import Client

from .conftest import RedisServer, make_jobs, put_job
from .reading import Snapshot, snapshot
from .working import queue_of, worker_on

#: `python -m tests.migration.kills` is the long version
KILLS = int(os.environ.get("BULL2JET_KILLS", "2"))


class KilledError(BaseException):
    """Stands for SIGKILL: from here on nothing reaches a server any more."""


class Killer:
    """Counts writes to both servers and lets none through from the `at`-th on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes = 0
        self.at: int | None = None
        call, push = Door.call, Client.push  # where commands leave for Redis and for NATS

        async def counted_call(door: Door, *command: Any) -> Any:
            if command[0] == "EVAL":
                self._count()
            return await call(door, *command)

        def counted_push(client: Client, sent: bytes) -> None:
            verb, _, rest = sent.partition(b" ")
            subject = rest.partition(b" ")[0]
            if verb in (b"PUB", b"HPUB") and (subject[:2] == b"jb" or b".PURGE." in subject):
                self._count()
            push(client, sent)

        monkeypatch.setattr(Door, "call", counted_call)
        monkeypatch.setattr(Client, "push", counted_push)

    def _count(self) -> None:
        self.writes += 1
        if self.at is not None and self.writes >= self.at:
            raise KilledError


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    return Killer(monkeypatch)


async def killed_at(killer: Killer, number: int, command: Awaitable[Report]) -> bool:
    """Whether the command was killed: it was not when it makes fewer writes."""
    killer.writes, killer.at = 0, number
    try:
        await command
    except BaseException:  # alone, in a group, or as what broke because of it
        if killer.writes < number:
            raise
        return True
    finally:
        killer.at = None
    return False


async def state_of_redis(options: Options) -> Snapshot:
    door = await open_door(parse(options.redis))
    try:
        return await snapshot(door)
    finally:
        await door.close()


def carried(report: Report) -> dict[str, int]:
    return {name: line.equal or 0 for queue in report.queues for name, line in queue.states.items()}


async def test_a_run_killed_at_every_single_write_is_finished_by_the_next_one(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    options = options.model_copy(update={"batch": 5})
    make_jobs(redis_server.client, 8)
    expected = await state_of_redis(options)
    wanted = carried(await run(options, Silent()))
    assert await back_again(options) == expected
    number = 1
    while await killed_at(killer, number, run(options, Silent())):
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, (number, report.findings)
        checked = await verify(options, Silent())
        assert checked.verdict is Verdict.FINE, (number, checked.findings)
        assert carried(checked) == wanted, number
        assert await back_again(options) == expected, number
        number += 1
    assert number > 40


async def test_a_run_killed_at_every_single_write_can_be_taken_back_at_once(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    options = options.model_copy(update={"batch": 5})
    client = redis_server.client
    make_jobs(client, 8)
    client.hset("bull:q:meta", "concurrency", 7)
    client.zadd("bull:q:repeat", {"daily": 2_000_000_000_000})
    rule = {"name": "daily", "ic": 3, "every": 86_400_000, "data": "{}"}
    client.hset("bull:q:repeat:daily", mapping=rule)
    expected = await state_of_redis(options)
    number = 1
    while await killed_at(killer, number, run(options, Silent())):
        if await began(options):
            assert await back_again(options) == expected, number
        assert client.get("bull:q:id") == b"40", number
        assert client.hget("bull:q:meta", "concurrency") == b"7", number
        assert client.zscore("bull:q:repeat", "daily") == 2_000_000_000_000, number
        assert not client.hexists("bull:q:meta", "paused"), number
        number += 1
    assert number > 40


async def began(options: Options) -> bool:
    """Whether a run came as far as noting that it changes the queue."""
    try:
        await verify(options, Silent())
    except NotGoError as refusal:
        return "has not been migrated" not in str(refusal) and "rolled back" not in str(refusal)
    return True


async def test_a_trial_that_is_taken_back_leaves_the_line_as_it_was(
    redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 12)
    expected = await state_of_redis(options)
    report = await run(options.model_copy(update={"limit": 5}), Silent())
    assert report.verdict is Verdict.LEFT
    assert await back_again(options) == expected


async def back_again(options: Options) -> Snapshot:
    await rollback(options, Silent())
    return await state_of_redis(options)


async def test_a_rollback_killed_at_every_single_write_is_finished_by_the_next_one(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    make_jobs(redis_server.client, 8)
    expected = await state_of_redis(options)
    await run(options, Silent())
    number = 1
    while await killed_at(killer, number, rollback(options, Silent())):
        assert await back_again(options) == expected, number
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, (number, report.findings)
        number += 1
    assert number > 15


async def test_a_rollback_killed_again_and_again_keeps_the_order_of_many_jobs(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    make_jobs(redis_server.client, 1100)
    expected = await state_of_redis(options)
    await run(options, Silent())
    number = 8
    while await killed_at(killer, number, rollback(options, Silent())):
        number += 1
    assert number > 10
    assert await state_of_redis(options) == expected


async def test_carrying_late_jobs_killed_at_every_single_write_is_finished_by_the_next_run(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    make_jobs(redis_server.client, 4)
    await run(options, Silent())
    number, late = 0, 0
    while True:
        number += 1
        put_late_jobs(redis_server.client, number)
        killed = await killed_at(killer, number, run(options, Silent()))
        report = await run(options, Silent())
        assert report.verdict is Verdict.FINE, (number, report.findings)
        late += 4
        checked = await verify(options, Silent())
        assert checked.verdict is Verdict.FINE, (number, checked.findings)
        assert sum(carried(checked).values()) == 8 + late, number
        if not killed:
            break
    assert number > 8
    async with worker_on(options, "q") as shift:
        names = [f"late{n}-{kind}" for n in range(1, number + 1) for kind in ("a", "b", "p")]
        await shift.until(*names)
    assert sorted(job_id for job_id in shift.taken if job_id in names) == sorted(names)


async def test_late_jobs_whose_carrying_was_killed_at_any_write_are_counted_and_come_back(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    """Killed, they may be reserved: out of the old workers' sight, and not yet on the target."""
    client = redis_server.client
    make_jobs(client, 4)
    number, total = 0, 8
    while True:
        number, total = number + 1, total + 4
        await run(options, Silent())
        put_late_jobs(client, number)
        killed = await killed_at(killer, number, run(options, Silent()))
        checked = await verify(options, Silent())
        left = sum(line.left or 0 for queue in checked.queues for line in queue.states.values())
        assert sum(carried(checked).values()) + left == total, number
        assert bool(left) == (checked.verdict is not Verdict.FINE), (number, checked.findings)
        report = await rollback(options, Silent())
        assert report.verdict is Verdict.FINE, (number, report.findings)
        assert sum(len(ids) for ids in listed(client)) == total, number
        assert not client.keys("*bull2jet*")
        if not killed:
            break
    assert number > 8


async def test_late_jobs_with_the_numbers_of_new_ones_are_carried_once_whatever_is_killed(
    redis_server: RedisServer, options: Options, killer: Killer
) -> None:
    client = redis_server.client
    make_jobs(client, 4)
    await run(options, Silent())
    number, killed = 0, True
    async with queue_of(options, "q") as target:
        while killed:
            number += 1
            new = await target.add("new", {})
            put_job(client, str(new.id), name="old")
            client.lpush("bull:q:wait", str(new.id))
            client.rpush(f"bull:q:{new.id}:logs", "added late")
            killed = await killed_at(killer, number, run(options, Silent()))
            report = await run(options, Silent())
            assert report.verdict is Verdict.FINE, (number, report.findings)
            checked = await verify(options, Silent())
            assert checked.verdict is Verdict.FINE, (number, checked.findings)
            jobs = await target.getJobs()
            assert [job.name for job in jobs].count("new") == number
            old = [(await target.getJobLogs(job.id))["logs"] for job in jobs if job.name == "old"]
            assert old == [["added late"]] * number
    assert number > 8


def listed(client: Any) -> list[list[bytes]]:
    """The ids that the library's collections hold."""
    sets = ("prioritized", "delayed", "waiting-children", "completed", "failed")
    held = [client.lrange(f"bull:q:{name}", 0, -1) for name in ("wait", "paused", "active")]
    return held + [client.zrange(f"bull:q:{name}", 0, -1) for name in sets]


def put_late_jobs(client: Any, number: int) -> None:
    """Two waiting jobs, one with a priority and a delayed one, as old producers add them."""
    for kind in ("a", "b"):
        put_job(client, f"late{number}-{kind}")
        client.lpush("bull:q:wait", f"late{number}-{kind}")
        client.rpush(f"bull:q:late{number}-{kind}:logs", "added late")
    put_job(client, f"late{number}-p", priority=2)
    client.zadd("bull:q:prioritized", {f"late{number}-p": 2 * 2**32 + number})
    put_job(client, f"late{number}-d", delay=1000)
    client.zadd("bull:q:delayed", {f"late{number}-d": 2_000_000_000_000 * 4096 + number})


@pytest.mark.parametrize("seed", range(KILLS))
async def test_processes_killed_at_random_moments_lose_nothing(
    seed: int, redis_server: RedisServer, options: Options
) -> None:
    make_jobs(redis_server.client, 400)
    expected = await state_of_redis(options)
    command = [sys.executable, "-m", "bull2jet", "run", options.redis, "--to", options.to]
    command += ["--batch", "20", "--progress", "none"]
    dice = random.Random(seed)
    for _ in range(3):
        async with await anyio.open_process(command, stdout=None, stderr=None) as process:
            await wait_for_lease(redis_server, process)
            await anyio.sleep(dice.uniform(0, 0.6))
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                process.kill()
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    assert (await verify(options, Silent())).verdict is Verdict.FINE
    assert await back_again(options) == expected


async def wait_for_lease(server: RedisServer, process: Process) -> None:
    """Until the process has begun to work, or is done already."""
    while process.returncode is None:
        if server.client.keys("*:bull2jet:lease"):
            return
        await anyio.sleep(0.005)  # another process's start is no event of this one
