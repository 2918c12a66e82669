"""`finalize` removes what was carried, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bull2jet.commands.finalize import finalize
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import NotGoError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict
from bull2jet.source.door import Command
from bull2jet.source.handover import Handover

from .conftest import RedisServer, make_jobs, put_job
from .working import queue_of


async def made_final(options: Options, folder: Path) -> Report:
    named = options.model_copy(update={"archive": folder / "archive.gz"})
    return await finalize(named, Silent())


async def test_everything_that_was_carried_is_removed(
    client: Any, options: Options, tmp_path: Path
) -> None:
    client.hset("bull:q:metrics:completed", mapping={"count": 5, "prevTS": 1, "prevCount": 2})
    client.rpush("bull:q:metrics:completed:data", 1, 2)
    await run(options, Silent())
    assert (await made_final(options, tmp_path)).verdict is Verdict.FINE
    assert client.keys("*") == []


async def test_queues_whose_names_differ_in_letters_of_no_file_name_have_an_archive_each(
    redis_server: RedisServer, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("שלום", "תודה"):
        redis_server.client.hset(f"bull:{name}:meta", "opts.maxLenEvents", 10000)
        redis_server.client.set(f"bull:{name}:id", 1)
    await run(options, Silent())
    assert (await finalize(options.model_copy(update={"yes": True}), Silent())).verdict == 0
    assert len(os.listdir(tmp_path)) == 2


async def test_a_job_that_an_old_producer_adds_during_the_removal_stays_listed(
    client: Any, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(options, Silent())
    together = Handover.together

    async def add_late(handover: Handover, commands: Sequence[Command]) -> None:
        if not client.exists("bull:q:late"):
            put_job(client, "late")
            client.lpush("bull:q:wait", "late")
        await together(handover, commands)

    monkeypatch.setattr(Handover, "together", add_late)
    report = await made_final(options, tmp_path)
    assert [f.code for f in report.findings if f.severity == "left"] == ["left-behind"]
    assert client.lrange("bull:q:wait", 0, -1) == [b"late"]
    assert client.exists("bull:q:late", "bull:q:meta", "bull:q:id") == 3
    assert not client.exists("bull:q:w1", "bull:q:c1:logs")


async def test_a_scheduler_that_was_not_carried_is_named_to_the_end_and_stays(
    client: Any, options: Options, tmp_path: Path
) -> None:
    client.zadd("bull:q:repeat", {"gone::::* * * * *": 2_000_000_000_000})
    for command in (run, verify):
        report = await command(options, Silent())
        assert [f.code for f in report.findings if f.severity == "left"] == ["scheduler-lost"]
        assert report.verdict is Verdict.LEFT
    report = await made_final(options, tmp_path)
    assert [f.code for f in report.findings if f.severity == "left"] == ["scheduler-lost"]
    assert client.keys("*") == [b"bull:q:repeat"]


async def test_finalizing_again_says_that_it_is_done_already_and_changes_nothing(
    client: Any, options: Options, tmp_path: Path
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    for queues in ((), ("q",)):
        report = await made_final(options.model_copy(update={"queues": queues}), tmp_path)
        assert report.summary == "The migration is final already: nothing was changed."
        assert report.verdict is Verdict.FINE
        assert [(f.code, f.queue) for f in report.findings] == [("already-final", "bull:q")]


@pytest.mark.parametrize("command", [run, verify, rollback])
async def test_other_commands_say_that_a_queue_gone_from_redis_is_finalized(
    client: Any, options: Options, tmp_path: Path, command: Any
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    for queues in ((), ("bull:q",)):
        with pytest.raises(NotGoError, match="bull:q: its migration is finalized"):
            await command(options.model_copy(update={"queues": queues}), Silent())


async def test_what_comes_to_redis_after_finalize_is_carried_by_another_run(
    client: Any, options: Options, tmp_path: Path
) -> None:
    """Redis counts from 1 again, so a late job may bear the number of one that was carried."""
    put_job(client, "1")
    client.lpush("bull:q:wait", "1")
    await run(options, Silent())
    await made_final(options, tmp_path)
    assert client.keys("*") == []
    for number in ("1", "2", "3"):
        client.hset("bull:q:meta", "opts.maxLenEvents", 10000)
        put_job(client, number, data=json.dumps({"late": number}))
        client.lpush("bull:q:wait", number)
    for command in (verify, rollback):
        with pytest.raises(NotGoError, match=r"is finalized; .* `bull2jet run` carries"):
            await command(options, Silent())
    assert (await plan(options, Silent())).summary == "Go: 3 of 3 jobs would be carried."
    report = await run(options, Silent())
    assert (report.verdict, report.summary) == (Verdict.FINE, "3 jobs carried, 0 left in Redis.")
    assert report.next is not None and report.next.startswith("bull2jet finalize ")
    async with queue_of(options, "q") as target:
        for job_id, data in (("1", {"id": "1"}), ("2", {"late": "2"}), ("3", {"late": "3"})):
            job = await target.getJob(job_id)
            assert job is not None and job.data == data
        late = await target.getJob("1-1790000000000")
        assert late is not None and late.data == {"late": "1"}
    again = await finalize(
        options.model_copy(update={"yes": True, "archive": tmp_path / "late.gz"}), Silent()
    )
    assert again.verdict is Verdict.FINE, again.findings
    assert client.keys("*") == []
    with gzip.open(tmp_path / "late.gz", "rt") as archive:
        assert "bull:q:1-1790000000000" in archive.read()


async def test_what_was_broken_in_redis_and_stays_there_hinders_no_later_run_or_finalize(
    client: Any, options: Options, tmp_path: Path
) -> None:
    client.lpush("bull:q:wait", "ghost")  # without a hash
    await run(options, Silent())
    assert (await made_final(options, tmp_path)).verdict is Verdict.LEFT
    assert client.keys("bull:q:bull2jet:*") == []
    assert client.lrange("bull:q:wait", 0, -1) == [b"ghost"]
    put_job(client, "late")
    client.lpush("bull:q:wait", "late")
    for number in (1, 2):
        report = await run(options, Silent())
        assert report.summary == f"{'1 job' if number == 1 else '0 jobs'} carried, 1 left in Redis."
        named = options.model_copy(update={"archive": tmp_path / f"late{number}.gz"})
        assert (await finalize(named, Silent())).verdict is Verdict.LEFT
        assert client.lrange("bull:q:wait", 0, -1) == [b"ghost"]
        assert client.keys("bull:q:bull2jet:*") == [] and not client.exists("bull:q:late")


async def test_a_removal_that_was_broken_off_is_finished_before_another_run(
    client: Any, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(options, Silent())
    together = Handover.together

    async def break_off(handover: Handover, commands: Sequence[Command]) -> None:
        await together(handover, commands[:3])
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(Handover, "together", break_off)
        with pytest.raises(ConnectionError):
            await made_final(options, tmp_path)
    put_job(client, "late")
    client.lpush("bull:q:wait", "late")
    with pytest.raises(NotGoError, match="broken off; finish that with `bull2jet finalize`"):
        await run(options, Silent())
    report = await made_final(options, tmp_path)
    assert [f.code for f in report.findings if f.severity == "left"] == ["left-behind"]
    assert client.lrange("bull:q:wait", 0, -1) == [b"late"]
    assert (await run(options, Silent())).summary == "1 job carried, 0 left in Redis."


async def test_late_jobs_are_not_removed_where_the_target_lost_one(
    client: Any, options: Options, tmp_path: Path
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    client.hset("bull:q:meta", "opts.maxLenEvents", 10000)
    put_job(client, "late", data='{"n":1}')
    client.lpush("bull:q:wait", "late")
    await run(options, Silent())
    client.hset("bull:q:late", "data", '{"n":2}')  # as if another one had been stored there
    with pytest.raises(NotGoError, match="does not verify, so nothing is removed"):
        await finalize(
            options.model_copy(update={"yes": True, "archive": tmp_path / "late.gz"}), Silent()
        )
    assert client.exists("bull:q:late")


async def test_a_queue_of_another_redis_is_not_taken_for_what_came_late(
    client: Any, options: Options, tmp_path: Path, redis_server: RedisServer
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    other = options.model_copy(update={"redis": options.redis.removesuffix("/0") + "/1"})
    client.select(1)
    make_jobs(client, 4)
    before = {key: client.dump(key) for key in client.keys("*")}
    for command in (plan, run):
        with pytest.raises(NotGoError, match="its migration from there is final"):
            await command(other, Silent())
    assert {key: client.dump(key) for key in client.keys("*")} == before
    client.select(0)


async def test_a_finalized_queue_keeps_no_other_from_being_verified_or_brought_back(
    client: Any, options: Options, tmp_path: Path
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    client.hset("bull:other:meta", "opts.maxLenEvents", 10000)
    client.set("bull:other:id", 1)
    await run(options, Silent())
    client.hset("bull:q:meta", "opts.maxLenEvents", 10000)
    put_job(client, "late")
    client.lpush("bull:q:wait", "late")
    before = {key: client.dump(key) for key in client.keys("bull:q:*")}
    for command in (verify, rollback):
        report = await command(options, Silent())
        assert report.verdict is Verdict.LEFT
        assert [line.queue for line in report.queues] == ["bull:other"]
        left = [(f.code, f.queue) for f in report.findings if f.severity == "left"]
        assert left == [("already-final", "bull:q")]
    assert {key: client.dump(key) for key in client.keys("bull:q:*")} == before


async def test_a_finalized_queue_and_one_that_is_not_are_finalized_together(
    client: Any, options: Options, tmp_path: Path
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    client.hset("bull:other:meta", "opts.maxLenEvents", 10000)
    client.set("bull:other:id", 1)
    chosen = options.model_copy(update={"queues": ("q", "other")})
    await run(options.model_copy(update={"queues": ("other",)}), Silent())
    report = await finalize(chosen.model_copy(update={"archive": tmp_path / "other.gz"}), Silent())
    assert [line.queue for line in report.queues] == ["bull:other"]
    assert "already-final" in {f.code for f in report.findings if f.queue == "bull:q"}
    assert client.keys("*") == []


async def test_who_finalizes_again_may_use_another_login(
    client: Any, options: Options, tmp_path: Path
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    client.execute_command("ACL", "SETUSER", "other", "on", "nopass", "~*", "&*", "+@all")
    login = options.redis.replace("redis://", "redis://other:any@")
    report = await made_final(options.model_copy(update={"redis": login}), tmp_path)
    assert report.summary == "The migration is final already: nothing was changed."


async def test_a_queue_that_is_not_in_this_redis_but_was_finalized_from_another_is_named(
    client: Any, options: Options, tmp_path: Path
) -> None:
    await run(options, Silent())
    await made_final(options, tmp_path)
    other = options.model_copy(update={"redis": options.redis.removesuffix("/0") + "/1"})
    with pytest.raises(NotGoError, match=r"was found in .*/1\. The migration of bull:q from .*/0"):
        await made_final(other, tmp_path)
