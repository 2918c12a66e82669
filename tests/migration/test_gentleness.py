"""A slow or small Redis is asked for less; a long way, or a busy machine, is no reason to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.model import Job
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.discovery import discover
from bull2jet.source.door import Command, Door
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import HOLDERS, page
from bull2jet.source.pace import Pace
from bull2jet.source.sizes import CHUNK_BYTES
from bull2jet.target.jetstream import JetStreamQueue

from .conftest import RedisServer, make_jobs, put_job
from .reading import the


def test_batches_shrink_while_redis_is_busy_and_grow_again() -> None:
    pace = Pace(way=0.001)
    for _ in range(6):
        assert pace.suspects(1.0)
        pace.learn(0.4)
    assert pace.size == 25 and 0.3 < pace.rest < 0.4
    for _ in range(20):
        assert not pace.suspects(0.01)
    assert (pace.size, pace.rest) == (500, 0.0)


def test_a_long_way_or_a_busy_machine_is_not_taken_for_a_busy_redis() -> None:
    far = Pace(way=0.6)
    assert not far.suspects(0.7)
    assert far.suspects(2.0)
    far.learn(0.65)
    assert (far.size, far.rest) == (500, 0.0)


def test_a_chosen_batch_is_never_exceeded() -> None:
    pace = Pace(limit=10, size=10)
    pace.learn(5.0)
    assert pace.size == 10
    assert not pace.suspects(0.0)
    assert pace.size == 10


async def test_the_rate_is_kept(
    redis_server: RedisServer, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_jobs(redis_server.client, 40)
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr("bull2jet.source.pace.anyio.sleep", note)
    chosen = options.model_copy(update={"rate": 10.0, "batch": 10})
    assert (await run(chosen, Silent())).verdict is Verdict.FINE
    assert sum(slept) > 6  # 80 jobs at 10 a second take 8 s, less the time the work itself takes


async def test_a_blocked_redis_is_noticed_and_given_rest(
    redis_server: RedisServer, door: Door
) -> None:
    make_jobs(redis_server.client, 4)
    commands: list[Any] = [("LLEN", "bull:q:wait")] * 10

    enough = threading.Event()

    def block() -> None:
        with redis_server.client.client() as other:
            while not enough.is_set():
                other.eval("local t = redis.call('TIME')[1] + 0 "
                           "for i = 1, 4e7 do t = t + i end return t", 0)  # fmt: skip

    # Three, so that a PING hardly ever finds the moment between two scripts.
    busy = [threading.Thread(target=block) for _ in range(3)]
    for thread in busy:
        thread.start()
    try:
        async with asyncio.timeout(60):
            while door.pace.size == 500:
                await door.calls(commands)
    finally:
        enough.set()
        for thread in busy:
            thread.join()
    assert door.pace.size < 500 and door.pace.rest > 0


async def test_huge_jobs_are_read_a_few_at_a_time(redis_server: RedisServer, door: Door) -> None:
    make_jobs(redis_server.client, 1)
    for number in range(12):
        _large_data(redis_server.client, f"big{number}")
    found = the(await discover(door), "q")
    (wait,) = [holder for holder in HOLDERS if holder.suffix == "wait"]
    listings = await page(door, QueueKeys(found.queue), wait, 0, 500)
    loader = JobLoader(door, found.queue, found.generation)
    sizes = [sum(job.size for job in loaded.jobs) async for loaded in loader.load(wait, listings)]
    assert len(sizes) == 4 and max(sizes) <= CHUNK_BYTES + 1000


def _large_data(client: Any, job_id: str) -> None:
    put_job(client, job_id, data=LARGE)
    client.lpush("bull:q:wait", job_id)


def _large_progress(client: Any, job_id: str) -> None:
    put_job(client, job_id, progress=LARGE)
    client.lpush("bull:q:wait", job_id)


def _large_results_of_children(client: Any, job_id: str) -> None:
    put_job(client, job_id)
    client.hset(f"bull:q:{job_id}:processed", mapping={f"bull:q:{n}": PART for n in range(10)})
    client.sadd(f"bull:q:{job_id}:dependencies", "bull:q:10")
    client.zadd("bull:q:waiting-children", {job_id: 1_790_000_000_000})


LARGE = f'"{"x" * 1_000_000}"'
PART = f'"{"x" * 100_000}"'


@pytest.mark.parametrize("put", [_large_data, _large_progress, _large_results_of_children])
async def test_no_command_holds_more_than_a_few_huge_jobs_at_once(
    put: Callable[[Any, str], None],
    redis_server: RedisServer,
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: list[int] = []
    from_redis, from_nats = Door.calls, JetStreamQueue.read

    async def calls(self: Door, commands: Sequence[Command], **more: bool) -> list[Any]:
        answers = await from_redis(self, commands, **more)
        held.append(sum(len(part) for answer in answers for part in _parts(answer)))
        return answers

    async def read(self: JetStreamQueue, job_ids: Sequence[str]) -> dict[str, Job]:
        jobs = await from_nats(self, job_ids)
        held.append(sum(job.weight for job in jobs.values()))
        return jobs

    monkeypatch.setattr(Door, "calls", calls)
    monkeypatch.setattr(JetStreamQueue, "read", read)
    make_jobs(redis_server.client, 1)
    for number in range(30):
        put(redis_server.client, f"big{number}")
    final = options.model_copy(update={"archive": tmp_path / "archive.jsonl.gz"})
    for command in (inspect, run, rollback, run):
        await command(options, Silent())
    await finalize(final, Silent())
    assert redis_server.client.keys() == []
    assert max(held) < 2 * CHUNK_BYTES


async def test_a_run_reads_each_scheduler_four_times_however_many_there_are(
    redis_server: RedisServer, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Command] = []
    from_redis = Door.calls

    async def calls(self: Door, commands: Sequence[Command], **more: bool) -> list[Any]:
        asked.extend(commands)
        return await from_redis(self, commands, **more)

    monkeypatch.setattr(Door, "calls", calls)
    make_jobs(redis_server.client, 4)
    rule = {"name": "tick", "ic": 1, "every": 60_000, "offset": 0}
    for number in range(3):
        redis_server.client.zadd("bull:q:repeat", {f"s{number}": 2_000_000_040_000})
        redis_server.client.hset(f"bull:q:repeat:s{number}", mapping=rule)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    # To know the ids, to carry them, and before and after that to compare.
    assert asked.count(("HGETALL", "bull:q:repeat:s1")) == 4


async def test_all_keys_are_gone_through_a_few_times_however_many_queues_there_are(
    redis_server: RedisServer, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SCAN looks at every key of the database, whose ever it is; an old worker waits meanwhile."""
    monkeypatch.chdir(tmp_path)  # for the archives
    client = redis_server.client
    for name in ("a", "b", "c"):
        make_jobs(client, 2)
        client.set("bull:q:de:once", "w1")
        for key in client.keys("bull:q:*"):
            client.rename(key, key.replace(b"bull:q:", f"bull:{name}:".encode()))
    client.mset({f"page:{number}": 1 for number in range(3500)})  # not near a full last page
    rounds = {}
    for command in (inspect, plan, run, rollback, run, verify, finalize):
        client.config_resetstat()
        assert len(list(client.scan_iter(count=1000))) > 3500
        once = _scans(client)
        client.config_resetstat()
        assert (await command(options, Silent())).verdict is Verdict.FINE
        rounds[command] = _scans(client) / once
    # To find the queues; what nothing lists; the deduplication ids, or all that is to be removed.
    few = {run: 2, rollback: 2, verify: 2, finalize: 2}
    assert rounds == {inspect: 2, plan: 3, **few}


def _scans(client: Any) -> int:
    return int(client.info("commandstats")["cmdstat_scan"]["calls"])


def _parts(answer: Any) -> Iterable[bytes]:
    """The strings that an answer of Redis holds."""
    if isinstance(answer, bytes):
        yield answer
    elif isinstance(answer, dict):
        yield from (part for pair in answer.items() for part in pair)
    elif isinstance(answer, list):
        yield from (part for part in answer if isinstance(part, bytes))
