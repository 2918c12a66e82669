"""Parents that wait for a child whose end they were not told: the next look lets them go."""

from __future__ import annotations

import pytest

from jetbull import FlowProducer, Queue, Worker
from jetbull.commands import flows, linking
from jetbull.commands.linking import expect_child
from jetbull.ledger.adding.adding import NewJob
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.store.store import QueueStore

from .looking import looked_after


async def flow_of_one(url: str, name: str) -> tuple[Queue, str, str]:
    """A parent that waits for one child; its queue and both ids."""
    queue, flow = Queue(name, {"connection": url}), FlowProducer({"connection": url})
    child = {"name": "child", "queueName": name, "opts": {"jobId": "c"}}
    await flow.add(
        {"name": "parent", "queueName": name, "opts": {"jobId": "p"}, "children": [child]}
    )
    await flow.close()
    return queue, "p", "c"


async def test_a_parent_goes_whose_last_child_was_booked_by_somebody_who_died(
    shared_url: str, name: str
) -> None:
    queue, parent_id, child_id = await flow_of_one(shared_url, name)
    store = await queue.ledger()
    parent = parentage.Parent(store, parent_id, f"{queue.qualifiedName}:{child_id}")
    assert await bookkeeping.book(parent, bookkeeping.PROCESSED, '"value"')
    assert await queue.getJobState(parent_id) == "waiting-children"
    await looked_after(store)
    assert await queue.getJobState(parent_id) == "waiting"
    await queue.close()


async def test_messages_that_cannot_be_read_keep_no_parent_from_going(
    shared_url: str, name: str
) -> None:
    queue, parent_id, child_id = await flow_of_one(shared_url, name)
    store = await queue.ledger()
    names = store.names
    foreign = [names.aux(kind, "nonsense") for kind in ("dedup", "note", "bulk")]
    foreign += [names.job("wait", "nonsense"), names.job("delayed", "nonsense", "o")]
    for subject in foreign:
        await store.put(subject, b"\xff nonsense", {})
    await store.purge(names.any_state(child_id))
    await looked_after(store)
    assert await queue.getJobState(parent_id) == "waiting"
    await queue.close()


async def test_a_parent_goes_whose_child_was_removed_by_somebody_who_died(
    shared_url: str, name: str
) -> None:
    queue, parent_id, child_id = await flow_of_one(shared_url, name)
    store = await queue.ledger()
    await store.purge(store.names.any_state(child_id))
    await looked_after(store)
    assert await queue.getJobState(parent_id) == "waiting"
    await queue.close()


async def test_a_parent_goes_whose_removed_childs_id_another_parent_got_before_its_remover_died(
    shared_url: str, name: str
) -> None:
    queue, parent_id, child_id = await flow_of_one(shared_url, name)
    store = await queue.ledger()
    await store.purge(store.names.any_state(child_id))
    child = {"name": "child", "queueName": name, "opts": {"jobId": child_id}}
    async with FlowProducer({"connection": shared_url}) as flow:
        await flow.add({"name": "another", "queueName": name, "children": [child]})
    await looked_after(store)
    assert await queue.getJobState(parent_id) == "waiting"
    assert await queue.getJobState(child_id) == "waiting"
    await queue.close()


async def test_a_parent_goes_that_was_to_get_a_job_as_its_child_by_somebody_who_died(
    shared_url: str, name: str
) -> None:
    queue, parent_id, child_id = await flow_of_one(shared_url, name)
    store = await queue.ledger()
    await queue.add("another", {}, {"jobId": "another", "delay": 60_000})
    await expect_child(parentage.Parent(store, parent_id, f"{queue.qualifiedName}:another"))
    await queue.remove(child_id)
    assert await queue.getJobState(parent_id) == "waiting-children"
    await looked_after(store)
    assert await queue.getJobState(parent_id) == "waiting"
    await queue.close()


async def test_a_parent_waits_for_children_that_counted_as_lost_before_they_were_added(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(name, {"connection": shared_url})
    store = await queue.ledger()
    await queue.add("old", {}, {"jobId": "old"})
    add_child = linking.add_child

    async def late(child_store: QueueStore, new: NewJob) -> str:
        lost = store.names.dependency(
            bookkeeping.PENDING, "p", f"{queue.qualifiedName}:{new.job_id}"
        )
        await store.purge(lost)
        return await add_child(child_store, new)

    monkeypatch.setattr(linking, "add_child", late)
    monkeypatch.setattr(flows, "_SURE_S", 0.0)
    children = [{"name": "c", "queueName": name, "opts": {"jobId": i}} for i in ("old", "new")]
    async with FlowProducer({"connection": shared_url}) as flow:
        parent = {"name": "p", "queueName": name, "opts": {"jobId": "p"}}
        await flow.add({**parent, "children": children})
    waits = await bookkeeping.entries(store, "p")
    assert {key.rpartition(":")[2] for key in waits[bookkeeping.PENDING]} == {"old", "new"}
    assert await queue.getJobState("p") == "waiting-children"
    await queue.close()


async def test_a_bulk_brings_back_a_child_that_was_removed_by_somebody_who_died(
    shared_url: str, name: str
) -> None:
    queue, parent_id, child_id = await flow_of_one(shared_url, name)
    store = await queue.ledger()
    await store.purge(store.names.any_state(child_id))
    opts = {"jobId": child_id, "parent": {"id": parent_id, "queue": queue.qualifiedName}}
    await queue.addBulk([{"name": "child", "opts": opts}, {"name": "other"}])
    assert await queue.getJobState(child_id) == "waiting"
    assert await queue.getJobState(parent_id) == "waiting-children"
    await queue.close()


async def test_a_parent_stays_while_its_child_is_there(shared_url: str, name: str) -> None:
    queue, parent_id, _ = await flow_of_one(shared_url, name)
    await looked_after(await queue.ledger())
    assert await queue.getJobState(parent_id) == "waiting-children"
    await queue.close()


@pytest.mark.parametrize("was_its_child", [False, True])
async def test_a_parent_stays_whose_child_had_failed_before_it_was_given_to_it(
    was_its_child: bool, shared_url: str, name: str
) -> None:
    options = {"connection": shared_url}
    opts = {"jobId": "c", "ignoreDependencyOnFailure": True}
    child = {"name": "child", "queueName": name, "opts": opts}
    flow = {"name": "parent", "queueName": name, "opts": {"jobId": "p"}, "children": [child]}
    async with Queue(name, options) as queue, FlowProducer(options) as flows:
        if was_its_child:
            await flows.add(flow)
        else:
            await queue.add("child", {}, {"jobId": "c"})
        worker = Worker(name, None, {**options, "autorun": False})
        job = await worker.getNextJob("token")
        assert job is not None and job.id == "c"
        await job.moveToFailed(ValueError("no"), "token")
        if was_its_child:
            await queue.remove("p", {"removeChildren": False})
        await flows.add(flow)
        await looked_after(await queue.ledger())
        assert await queue.getJobState("p") == "waiting-children"
        await job.retry()
        job = await worker.getNextJob("another")
        assert job is not None and job.id == "c"
        await job.moveToCompleted("value", "another", False)
        assert await queue.getJobState("p") == "waiting"
        await worker.close()


@pytest.mark.parametrize(("above", "below"), [("bull", "app:prod"), ("app:prod", "bull")])
async def test_flows_over_prefixes_with_colons_are_kept_together(
    above: str, below: str, shared_url: str, name: str
) -> None:
    url = {"connection": shared_url}
    flow = FlowProducer({**url, "prefix": above})
    child = {"name": "child", "queueName": name, "prefix": below, "opts": {"jobId": "c"}}
    tree = {"name": "parent", "queueName": name, "opts": {"jobId": "p"}, "children": [child]}
    await flow.add({**tree, "prefix": above})
    parents = Queue(name, {**url, "prefix": above})
    await looked_after(await parents.ledger())
    assert await parents.getJobState("p") == "waiting-children"
    worker = Worker(name, None, {**url, "prefix": below, "autorun": False})
    job = await worker.getNextJob("token")
    assert job is not None and job.id == "c"
    await job.moveToCompleted("value", "token", False)
    assert await parents.getJobState("p") == "waiting"
    parent = await parents.getJob("p")
    assert parent is not None
    assert await parent.getChildrenValues() == {f"{below}:{name}:c": "value"}
    for opened in (worker, flow, parents):
        await opened.close()
