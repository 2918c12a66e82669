"""A bulk whose answer is lost in a cluster, of which one server knows it, and another not yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from jetbull import Queue
from jetbull.errors import Conflict
from jetbull.ledger.adding import adding
from jetbull.ledger.job.reading import find_many
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.batch import commit
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire.pace import Pace


async def test_a_bulk_that_a_server_does_not_know_yet_is_not_stored_under_other_ids(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[int]()

    async def unheard(*args: Any, **more: Any) -> int:
        try:
            await commit(*args, **more)
        except Conflict as refusal:
            rival = refusal
        else:
            rival = Conflict("its first copy was stored")
        rival.repeated = True
        raise rival

    async def behind(store: QueueStore, job_ids: Sequence[str]) -> dict[str, Stored]:
        looks.append(len(job_ids))
        return await find_many(store, job_ids) if len(looks) > 1 else {}

    monkeypatch.setattr(Pace, "takes_first", lambda *_: False)  # a batch, as in a cluster
    monkeypatch.setattr(adding, "commit", unheard)
    monkeypatch.setattr(adding, "find_still", behind)
    jobs = await queue.addBulk([{"name": "job", "data": number} for number in range(3)])
    assert len(looks) > 1
    assert sorted(job.id for job in await queue.getWaiting()) == [job.id for job in jobs]
