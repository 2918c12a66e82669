"""Jobs with very many log rows, long stack traces, and queues with long collections."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.discovery import discover
from bull2jet.source.door import Command, Door
from bull2jet.source.handover import Handover
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import HOLDERS, page
from bull2jet.source.sizes import CHUNK_BYTES
from bull2jet.transfer import archive, giveback

from .conftest import RedisServer, make_jobs, put_job
from .reading import snapshot, the
from .test_rolling_back import forget_jobs


async def chunks_of(door: Door) -> list[list[str]]:
    """The ids of the waiting jobs, as they are read together."""
    found = the(await discover(door), "q")
    (wait,) = [holder for holder in HOLDERS if holder.suffix == "wait"]
    listings = await page(door, QueueKeys(found.queue), wait, 0, 500)
    loader = JobLoader(door, found.queue, found.generation)
    return [[job.id for job in loaded.jobs] async for loaded in loader.load(wait, listings)]


async def test_jobs_with_long_stack_traces_are_read_a_few_at_a_time(
    redis_server: RedisServer, door: Door
) -> None:
    make_jobs(redis_server.client, 1)
    traces = json.dumps(["x" * 300_000])
    for number in range(40):
        put_job(redis_server.client, f"t{number}", stacktrace=traces)
        redis_server.client.lpush("bull:q:wait", f"t{number}")
    large = [[job_id for job_id in ids if job_id != "w1"] for ids in await chunks_of(door)]
    assert max(map(len, large)) <= CHUNK_BYTES // 300_000


async def test_jobs_with_very_many_log_rows_or_children_are_read_a_few_at_a_time(
    redis_server: RedisServer, door: Door
) -> None:
    client = redis_server.client
    make_jobs(client, 1)
    for number in range(12):
        put_job(client, f"l{number}")
        client.rpush(f"bull:q:l{number}:logs", *map(str, range(10_000)))
        put_job(client, f"p{number}")
        client.sadd(f"bull:q:p{number}:dependencies", *map(str, range(10_000)))
        client.lpush("bull:q:wait", f"l{number}", f"p{number}")
    assert max(map(len, await chunks_of(door))) <= 4


async def test_more_log_rows_than_one_command_takes_come_back_whole(
    client: Any, options: Options, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    together = Handover.together

    async def counted(self: Handover, commands: Sequence[Command]) -> None:
        steps.append(sum(map(len, commands)))
        await together(self, commands)

    monkeypatch.setattr(Handover, "together", counted)
    monkeypatch.setattr(giveback, "_ARGUMENTS", 600)
    client.rpush("bull:q:w1:logs", *map(str, range(2000)))
    client.rpush("bull:q:c1:logs", *map(str, range(1500)))
    before = await snapshot(door)
    await run(options, Silent())
    forget_jobs(client)
    steps.clear()
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert await snapshot(door) == before
    assert max(steps) <= 600


async def test_long_collections_are_archived_whole_a_part_at_a_time(
    client: Any, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_LONG", 3)
    await run(options, Silent())
    kept = client.lrange("bull:q:bull2jet:paused", 0, -1) or client.lrange(
        "bull:q:bull2jet:wait", 0, -1
    )
    completed = client.zrange("bull:q:bull2jet:completed", 0, -1, withscores=True)
    file = tmp_path / "archive.gz"
    await finalize(options.model_copy(update={"archive": file}), Silent())
    with gzip.open(file, "rt") as lines:
        rows = {row[0]: row for row in map(json.loads, lines)}
    assert rows["bull:q:bull2jet:wait"][3] == [job_id.decode() for job_id in kept]
    flat = rows["bull:q:bull2jet:completed"][3]
    assert list(zip(flat[::2], map(float, flat[1::2]), strict=True)) == [
        (job_id.decode(), score) for job_id, score in completed
    ]
    assert client.keys() == []


async def test_very_many_deduplication_ids_are_removed_a_page_at_a_time(
    client: Any, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[int] = []
    unlink = Handover.unlink_unless_grown

    async def counted(self: Handover, keys: Sequence[str], sizes: Any) -> bool:
        removed.append(len(keys))
        return await unlink(self, keys, sizes)

    monkeypatch.setattr(Handover, "unlink_unless_grown", counted)
    client.mset({f"bull:q:de:{number}": "w1" for number in range(2500)})
    await run(options, Silent())
    await finalize(options.model_copy(update={"archive": tmp_path / "a.gz"}), Silent())
    assert client.keys() == []
    assert max(removed) <= 1000
