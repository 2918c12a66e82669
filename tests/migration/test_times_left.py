"""The proof looks at times that run down: of deduplication ids and of a rate window."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.model import State
from bull2jet.options import Options
from bull2jet.progress import Silent
from jetbull.ledger.adding import deduplication
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.limits import gate
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.store.store import QueueStore

from .conftest import RedisServer, make_jobs

HOUR = 3_600_000


@pytest.fixture
async def store(redis_server: RedisServer, options: Options) -> AsyncIterator[QueueStore]:
    """The target's queue after a run that has not let the workers go yet."""
    client = redis_server.client
    make_jobs(client, 4)
    client.hset("bull:q:w1", "deid", "timed")
    client.hset("bull:q:w2", "deid", "held")
    client.set("bull:q:de:timed", "w1", px=5 * HOUR)
    client.set("bull:q:de:held", "w2")
    client.set("bull:q:limiter", 3, px=2 * HOUR)
    await run(options.model_copy(update={"states": tuple(State)}), Silent())
    hold = await acquire(Target((options.to,)))
    yield await hold.queue("bull", "q")
    await hold.release()


async def wrong(options: Options) -> list[str]:
    """What `verify` says of the queue's rules."""
    report = await verify(options, Silent())
    return [f.text for f in report.findings if f.severity == "left"]


async def test_equal_times_are_no_difference(store: QueueStore, options: Options) -> None:
    assert await wrong(options) == []


@pytest.mark.parametrize(
    ("dedup_id", "until"), [("timed", HOUR), ("timed", 0), ("timed", 9 * HOUR), ("held", HOUR)]
)
async def test_another_time_of_a_deduplication_id_is_found(
    dedup_id: str, until: int, store: QueueStore, options: Options
) -> None:
    key = (await deduplication.read_many(store, [dedup_id]))[dedup_id]
    at = now_ms() + until if until else 0
    await deduplication.write(store, dedup_id, key.owner, at, key.seq, None, False)
    (told,) = await wrong(options)
    assert told.startswith(f"the deduplication id '{dedup_id}' has ")


@pytest.mark.parametrize(("left", "starts"), [(HOUR, 3), (2 * HOUR, 2), (1, 3)])
async def test_another_rate_window_is_found(
    left: int, starts: int, store: QueueStore, options: Options
) -> None:
    await gate.begin_window(store, left, starts)
    (told,) = await wrong(options)
    assert told.startswith("the rate window has 3 starts and ")


async def test_the_next_run_mends_the_times(store: QueueStore, options: Options) -> None:
    await gate.begin_window(store, HOUR, 1)
    key = (await deduplication.read_many(store, ["timed"]))["timed"]
    await deduplication.write(store, "timed", key.owner, 0, key.seq, None, False)
    await run(options, Silent())
    assert await wrong(options) == []
    key = (await deduplication.read_many(store, ["timed"]))["timed"]
    assert key.until_ms > now_ms()
