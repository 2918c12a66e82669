"""What cannot be read on the target is a difference like any other, and stops nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import TargetError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.door import Door
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.store.store import QueueStore

from .conftest import RedisServer, make_jobs
from .reading import Snapshot, snapshot
from .test_changes_by_hand import put_rules
from .test_verifying import QUEUE, codes, rewrite


@pytest.fixture
async def before(redis_server: RedisServer, door: Door) -> Snapshot:
    """Jobs in every state, with logs, outcomes of children and rules, in Redis."""
    client = redis_server.client
    put_rules(client)
    client.delete("bull:q:wait")
    make_jobs(client, 12)
    client.hset("bull:q:parent1:processed", "bull:q:c1", json.dumps("X" * 2_000_000))
    client.hset("bull:q:parent2:failed", "bull:q:c2", "no")
    client.hset("bull:q:w5", "data", json.dumps("é" * 400_000))
    return await snapshot(door)


@pytest.fixture
async def store(before: Snapshot, options: Options) -> AsyncIterator[QueueStore]:
    """The target's queue after a run."""
    assert (await run(options, Silent())).verdict is Verdict.FINE
    hold = await acquire(Target((options.to,)))
    yield await hold.queue(QUEUE.prefix, QUEUE.name)
    await hold.release()


async def overwrite(store: QueueStore, subject: str, body: bytes) -> None:
    """Puts these bytes where the queue's one message on `subject` stands."""
    query = {"multi_last": [subject]}
    for stream in (store.names.space.jobs, store.names.space.logs, store.names.space.objects):
        for message in await store.wire.get_batch(stream, query):
            await (await store.wire.post(message.subject, body, {}))


@pytest.mark.parametrize(
    ("job", "old", "new"),
    [
        ("w3", b'{"id":"w3"}', b'{"id":"\xff"}'),
        ("w3", b'"name"', b'"name'),
        ("w3", b'"name"', b'"mane"'),
        ("w3", b'"timestamp":1790000000000', b'"timestamp":"noon"'),
        ("w3", b'"opts":{', b'"opts":{{'),
        ("c2", b'"finishedOn"', b"}"),
        ("d2", b'"due"', b'"dew"'),
        ("page", b'"parent":{', b'"parent":7,"x":{'),
        ("parent1", b"\n", b""),
    ],
)
async def test_a_job_is_named_and_the_others_are_compared(
    job: str, old: bytes, new: bytes, store: QueueStore, options: Options
) -> None:
    await rewrite(store, job, old, new)
    report = await verify(options, Silent())
    assert report.verdict is Verdict.DIFFERENT
    (found,) = [f for f in report.findings if f.code == "different"]
    assert found.job == job and "cannot be read" in found.text
    assert sum(line.equal or 0 for line in report.queues[0].states.values()) == 27 - 1


@pytest.mark.parametrize(
    ("subject", "job"),
    [
        ("jbl.bull.q.c1", "c1"),
        ("jbd.bull.q.parent2.failed.*", "parent2"),
        ("jbo.bull.q.parent1.*.1", "parent1"),
        ("jbo.bull.q.w5.*.0", "w5"),
    ],
)
async def test_what_stands_beside_a_job_is_named_with_it(
    subject: str, job: str, store: QueueStore, options: Options
) -> None:
    await overwrite(store, subject, b"\xff")
    assert await codes(options) == [("different", job)]


@pytest.mark.parametrize("subject", ["jbq.bull.q.sched.s", "jbq.bull.q.meta.queue"])
async def test_rules_are_named(subject: str, store: QueueStore, options: Options) -> None:
    await overwrite(store, subject, b"{")
    assert await codes(options) == [("rule-differs", "")]


async def test_an_event_explains_nothing(store: QueueStore, options: Options) -> None:
    await (await store.wire.post(store.names.events, b"[{", {}))
    assert await codes(options) == []
    await store.purge(store.names.any_state("w3"))
    assert await codes(options) == [("missing", "w3")]


async def test_without_the_checkpoint_nothing_is_done(store: QueueStore, options: Options) -> None:
    await overwrite(store, "jbq.bull.q.bull2jet.checkpoint", b'{"phase"')
    for command in (verify, run, rollback):
        with pytest.raises(TargetError, match=r"jbq\.bull\.q\.bull2jet\.checkpoint, cannot be rea"):
            await command(options, Silent())


def by_content(found: Snapshot) -> list[bytes]:
    """All jobs; one that was overwritten stands at the end of its line."""
    return sorted(job for states in found.values() for rows in states.values() for job in rows)


@pytest.mark.parametrize(("job", "old"), [("w3", b'"name"'), ("d2", b'"due"')])
async def test_on_the_way_back_the_job_is_as_redis_has_kept_it(
    job: str, old: bytes, before: Snapshot, store: QueueStore, options: Options, door: Door
) -> None:
    await rewrite(store, job, old, b"?")
    report = await rollback(options, Silent())
    assert [f.job for f in report.findings if f.code == "unreadable-copy"] == [job]
    assert by_content(await snapshot(door)) == by_content(before)
