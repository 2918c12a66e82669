"""A target of several servers, of which the one that is asked is behind the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.faults.replica import Replica

from bull2jet.model import Family, Job, QueueRef, State
from bull2jet.target.jetstream import open_target
from bull2jet.target.protocol import TargetQueue
from jetbull.connection import target_of
from jetbull.ledger import hub
from jetbull.ledger.store.store import QueueStore

from .conftest import NatsServer

_MANY = 1_000_000  # answers: it does not catch up
_QUEUE = QueueRef("behind", "q")


def _job(job_id: str, **more: Any) -> Job:
    return Job(job_id, State.COMPLETED, 1, "job", "{}", {}, 1, finishedOn=2, **more)


@pytest.fixture
async def store(nats_server: NatsServer) -> AsyncIterator[QueueStore]:
    """The ledger of the queue."""
    hold = await hub.acquire(target_of(nats_server.url))
    yield await hold.queue(_QUEUE.prefix, _QUEUE.name)
    await hold.release()


@pytest.fixture
async def queue(nats_server: NatsServer, store: QueueStore) -> AsyncIterator[TargetQueue]:
    """The queue as bull2jet sees it."""
    target = await open_target(nats_server.url)
    yield await target.queue(_QUEUE)
    await target.close()


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> Replica:
    """The copy that answers once it stands still."""
    return Replica(monkeypatch)


async def test_all_that_would_be_removed_is_listed_and_read_before(
    queue: TargetQueue, store: QueueStore, replica: Replica
) -> None:
    await queue.add([_job("old")])
    await replica.stand_still(store, 0)
    family = Family(("a:b:c",), {}, {}, {})
    await queue.add([_job("new", logs=("one", "two"), family=family)])
    replica.answers = 2
    listed = [job_id async for page in queue.listing(State.COMPLETED) for job_id in page]
    assert listed == ["old", "new"]
    replica.answers = 3
    read = await queue.read(listed)
    assert [read[job_id].logs for job_id in listed] == [(), ("one", "two")]
    assert read["new"].family == family


async def test_rows_of_a_job_that_was_carried_before_stay(
    queue: TargetQueue, store: QueueStore, replica: Replica
) -> None:
    carried = _job("mine", logs=("one",))
    await replica.stand_still(store, _MANY, store.names.space.jobs)
    assert await queue.add([carried]) == [True]
    await store.put(store.names.log("mine"), b"of a worker", {})
    replica.answers = 3
    assert await queue.add([carried]) == [False]
    replica.answers = 0
    assert (await queue.read(["mine"]))["mine"].logs == ("one", "of a worker")


async def test_how_far_a_migration_has_come_is_known(
    queue: TargetQueue, store: QueueStore, replica: Replica
) -> None:
    await replica.stand_still(store, _MANY)
    await queue.save_checkpoint({"phase": "carried", "schedulers": {}})
    checkpoint = await queue.checkpoint()
    assert checkpoint is not None
    assert checkpoint["phase"] == "carried"
