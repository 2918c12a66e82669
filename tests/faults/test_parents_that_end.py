"""A parent that ends while it waits, in its books, for a child that will not tell it anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from jetbull import Job, Queue, Worker
from jetbull.commands import linking, missed_ends
from jetbull.ledger.job import reading
from jetbull.ledger.parents import bookkeeping, parents
from jetbull.ledger.parents.parentage import Parent

from .test_unsettled_children import ended

Leave = Callable[[Queue], Awaitable[None]]


async def _untold(queue: Queue) -> None:
    """Whoever ran the child died before telling its parent."""
    await ended(await queue.ledger(), "child", "completed", returnvalue=7)


async def _retried(queue: Queue) -> None:
    """The child has completed, and whoever wanted to retry it died before moving it."""
    await _untold(queue)
    store = await queue.ledger()
    found = await reading.find(store, "child")
    assert found is not None
    await parents.tell_completed(store, found, "child")
    assert await parents.wait_again(store, found.record, "child") is not None


@pytest.mark.parametrize("leave", [_untold, _retried])
@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by its worker"])
async def test_a_parent_completes_whose_child_has_ended_though_nobody_lives_to_tell_it(
    queue: Queue, leave: Leave, by_hand: bool
) -> None:
    done: asyncio.Queue[str] = asyncio.Queue()

    async def run(job: Job, token: str) -> str:
        parent = {"id": job.id, "queue": queue.qualifiedName}
        await queue.add("child", {}, {"jobId": "child", "parent": parent, "delay": 60_000})
        await leave(queue)
        return "value"

    worker = Worker(queue.name, None if by_hand else run, {"connection": queue.opts["connection"]})
    worker.on("completed", lambda job, result: done.put_nowait(result))
    worker.on("failed", lambda job, error, *_: done.put_nowait(str(error)))
    parent = await queue.add("parent", {})
    async with worker, asyncio.timeout(30):
        if by_hand:
            taken = await worker.getNextJob("token")
            assert taken is not None
            await taken.moveToCompleted(await run(taken, "token"), "token", False)
        else:
            assert await done.get() == "value"
    assert await parent.getState() == "completed"
    assert list((await parent.getChildrenValues()).values()) == [7]


@pytest.mark.parametrize("old", [True, False])
async def test_a_parent_completes_that_long_waits_for_a_child_whose_producer_died_before_adding_it(
    queue: Queue, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if old:
        monkeypatch.setattr(missed_ends, "OLD_ENOUGH_MS", 0)
    await queue.add("parent", {}, {"jobId": "parent"})
    async with Worker(queue.name, None, {"connection": queue.opts["connection"]}) as worker:
        taken = await worker.getNextJob("token")
        assert taken is not None
        store = await queue.ledger()
        parent = Parent(store, "parent", f"{queue.qualifiedName}:never")
        assert await linking.expect_child(parent)
        ending = taken.moveToCompleted(1, "token", False)
        if old:
            await ending
        else:  # it may be on its way
            with pytest.raises(Exception, match="pending dependencies"):
                await ending
        assert await bookkeeping.has_pending(store, "parent") != old
