"""What is decided in a cluster by an answer of a server that is behind the others."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import FlowProducer, Queue, Worker
from jetbull.commands.inserting import finish_abandoned
from jetbull.ledger.adding import deduplication
from jetbull.ledger.adding import journal as journals
from jetbull.ledger.messages.clock import now_ms, stamp
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.pace import Pace

from .noted import Running
from .replica import Replica
from .test_journals import entries_of

_MANY = 1_000_000  # answers: it does not catch up


@pytest.fixture
async def store(queue: Queue) -> QueueStore:
    """What the tests look into; numbers are reserved."""
    await queue.add("first", {}, {"jobId": "first"})
    return await queue.ledger()


@pytest.fixture
def replica(monkeypatch: pytest.MonkeyPatch) -> Replica:
    """The copy that answers in place of the server, once it stands still."""
    return Replica(monkeypatch)


async def _bulk(queue: Queue) -> None:
    await queue.addBulk([{"name": "new", "data": 2, "opts": {"jobId": "mine"}}])


async def _ruled_bulk(queue: Queue) -> None:
    opts: dict[str, Any] = {"jobId": "mine", "deduplication": {"id": "only"}}
    await queue.addBulk([{"name": "new", "data": 2, "opts": opts}])


async def _flow(queue: Queue) -> None:
    flows = FlowProducer(queue.opts["connection"])
    child = {"name": "child", "queueName": queue.name, "opts": {"jobId": "child"}}
    opts = {"jobId": "mine"}
    await flows.add(
        {"name": "new", "queueName": queue.name, "data": 2, "opts": opts, "children": [child]}
    )
    await flows.close()


@pytest.mark.parametrize("add", [_bulk, _ruled_bulk, _flow])
async def test_an_id_is_free_again_although_a_server_knows_of_no_removal(
    queue: Queue,
    store: QueueStore,
    replica: Replica,
    monkeypatch: pytest.MonkeyPatch,
    add: Any,
) -> None:
    monkeypatch.setattr(Pace, "takes_first", lambda *_: False)  # a batch, as in a cluster
    old = await queue.add("old", 1, {"jobId": "mine"})
    await replica.stand_still(store, 0)
    await old.remove()
    replica.answers = 2
    await add(queue)
    replica.answers = 0
    found = await queue.getJob("mine")
    assert found is not None
    assert found.data == 2


async def test_what_was_obliterated_is_not_found(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    await replica.stand_still(store, _MANY)
    await queue.obliterate({"force": True})
    assert await queue.getJob("first") is None


async def test_a_row_that_was_logged_is_read(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    job = await queue.getJob("first")
    assert job is not None
    await job.log("one")
    await replica.stand_still(store, 2)
    await job.log("two")
    assert await queue.getJobLogs("first") == {"logs": ["one", "two"], "count": 2}


async def test_a_job_that_ran_is_known_to_have_been_stored_though_a_server_still_has_it(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    since = stamp(now_ms() - 1000)
    running = Running(queue)
    await running.done(1)
    job = await queue.add("job", 0, {"removeOnComplete": {"count": 1}})
    await replica.stand_still(store, 0)
    await running.done(1)
    await queue.add("next", 0, {"removeOnComplete": {"count": 1}})
    await running.done(1)
    await running.worker.close()
    replica.answers = 2
    assert await event_evidence.came_and_went(store, [str(job.id)], since) == {job.id}


async def test_parts_of_a_bulk_of_which_a_server_does_not_know_are_left_where_they_are(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    entries = await entries_of(queue)
    await replica.stand_still(store, _MANY)
    await journals.write(store, entries, 10)
    await finish_abandoned(store, 15_000)
    replica.answers = 0
    await finish_abandoned(store, 0)
    assert await queue.getWaitingCount() == 1 + len(entries)


async def test_what_belongs_to_a_job_that_a_server_does_not_know_yet_is_not_removed(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    large = "x" * 100_000
    await replica.stand_still(store, _MANY, store.names.space.jobs)
    job = await queue.add("job", large)
    await deduplication.forget(store, [str(job.id)])
    found = await queue.getJob(str(job.id))
    assert found is not None
    assert found.data == large


async def test_a_lock_is_kept_of_whose_claim_a_server_does_not_know(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    worker = Worker(queue.name, None, {"connection": queue.opts["connection"], "autorun": False})
    await replica.stand_still(store, 0)
    job = await worker.getNextJob("token")
    assert job is not None
    replica.answers = 1
    assert await worker.backend.extendLocks([job.id], ["token"], 30_000) == []
    await worker.close()


async def test_a_rate_limit_counts_although_a_server_does_not_know_of_it(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    await replica.stand_still(store, _MANY)
    await queue.rateLimit(60_000)
    assert await queue.getRateLimitTtl() > 0


async def test_a_parent_elsewhere_goes_on_when_the_queue_of_its_child_is_obliterated(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    where = {"connection": queue.opts["connection"]}
    async with Queue(f"{queue.name}-parents", where) as parents:
        parent = await parents.add("parent", {}, {"delay": 3_600_000})
        await replica.stand_still(store, _MANY, store.names.space.jobs)
        link = {"id": parent.id, "queue": parents.qualifiedName}
        await queue.add("child", {}, {"parent": link})
        await queue.obliterate({"force": True})
        replica.answers = 0
        counts = await parent.getDependenciesCount()
        assert counts["unprocessed"] == 0
        await parents.obliterate({"force": True})


async def test_a_flow_takes_a_child_that_was_removed_from_another_parent(
    queue: Queue, store: QueueStore, replica: Replica
) -> None:
    flows = FlowProducer({"connection": queue.opts["connection"]})
    child = {"name": "child", "queueName": queue.name, "opts": {"jobId": "child"}}
    flow = {"name": "parent", "queueName": queue.name, "children": [child]}
    await flows.add({**flow, "opts": {"jobId": "one"}})
    await replica.stand_still(store, 0)
    assert await queue.remove("child") == 1
    replica.answers = 1
    await flows.add({**flow, "opts": {"jobId": "two"}})
    await flows.close()
    assert await queue.getJob("child") is not None
