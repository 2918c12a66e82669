"""Where the owner of a deduplication id moves on just behind the look at it, the rule is applied to
what it has become.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from tests.faults.told import events_of

from jetbull import Queue, Worker
from jetbull.ledger.adding import deduplication
from jetbull.ledger.adding.deduplication import Key
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore

HOUR = 3_600_000
KEEPING = {"deduplication": {"id": "d", "keepLastIfActive": True}}
REPLACING = {"deduplication": {"id": "d", "replace": True}, "delay": HOUR}


def once_seen(
    monkeypatch: pytest.MonkeyPatch, job_id: str, step: Callable[[], Awaitable[object]]
) -> None:
    """Takes the step right behind the first look at the job."""
    look, taken = deduplication.look, False

    async def look_first(
        store: QueueStore, dedup_id: str, wanted: str
    ) -> tuple[Key | None, Stored | None]:
        nonlocal taken
        found = await look(store, dedup_id, wanted)
        if wanted == job_id and not taken:
            taken = True
            await step()
        return found

    monkeypatch.setattr(deduplication, "look", look_first)


async def test_an_add_is_not_lost_when_the_owner_finishes_before_it_is_remembered(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.add("first", {}, KEEPING)
    async with Worker(queue.name, None, {"connection": queue.opts["connection"]}) as worker:
        owner = await worker.getNextJob("token")
        assert owner is not None
        once_seen(monkeypatch, owner.id, lambda: owner.moveToCompleted("done", "token"))
        last = await queue.add("last", {}, KEEPING)
    assert [job.id for job in await queue.getWaiting()] == [last.id]
    assert await queue.getDeduplicationJobId("d") == last.id


async def test_an_owner_that_starts_before_it_is_replaced_stands_for_the_add(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await queue.add("first", {}, REPLACING)
    once_seen(monkeypatch, owner.id, owner.promote)
    assert (await queue.add("last", {}, REPLACING)).id == owner.id
    assert await queue.getJobCounts("waiting", "delayed") == {"waiting": 1, "delayed": 0}


async def test_an_owner_that_is_removed_before_it_is_replaced_frees_the_id(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await queue.add("first", {}, REPLACING)
    once_seen(monkeypatch, owner.id, owner.remove)
    last = await queue.add("last", {}, REPLACING)
    assert [job.id for job in await queue.getDelayed()] == [last.id]
    # Once: it was removed, and then there was none to replace.
    assert await events_of(await queue.ledger(), "removed") == [("removed", owner.id)]
