"""A queue that is obliterated once more, because whoever began with it died on the way."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import FlowProducer, Queue
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer


async def test_nothing_is_left_of_a_queue_whose_first_obliteration_died_behind_the_jobs(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = {
        "name": "parent",
        "queueName": name,
        "children": [{"name": "child", "queueName": name} for _ in range(3)],
    }
    queue = Queue(name, {"connection": server.url})
    producer = FlowProducer(server.url)
    await producer.add(flow)
    purge = QueueStore.purge

    async def dying(store: QueueStore, subject: str, **extra: int) -> int:
        if subject != store.names.everything():
            raise InterruptedError
        return await purge(store, subject, **extra)

    with monkeypatch.context() as patch:
        patch.setattr(QueueStore, "purge", dying)
        with pytest.raises(InterruptedError):
            await queue.obliterate()
    await queue.obliterate()
    store = await queue.ledger()
    assert await counting.list_subjects(store, store.names.all_dependencies()) == []
    await producer.close()
    await queue.close()


async def test_what_is_added_afterwards_stays_though_the_requests_to_remove_come_once_more(
    server: EmbeddedServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those do that a lost connection still held."""
    requests, ask = list[tuple[str, Any]](), Wire.api

    async def noted(wire: Wire, verb: str, body: Any = None, **more: Any) -> dict[str, Any]:
        if verb.startswith("STREAM.PURGE."):
            requests.append((verb, body))
        return await ask(wire, verb, body, **more)

    async with Queue(name, {"connection": server.url}) as queue:
        await queue.add("old", "x" * 100_000)
        with monkeypatch.context() as patch:
            patch.setattr(Wire, "api", noted)
            await queue.obliterate()
        job = await queue.add("new", "y" * 100_000)
        await job.log("row")
        wire = (await queue.ledger()).wire
        for verb, body in requests:
            await wire.api(verb, body)
        (found,) = await queue.getWaiting()
        assert found.data == "y" * 100_000
        assert await queue.getJobLogs(str(job.id)) == {"logs": ["row"], "count": 1}
        assert (await queue.add("next", {})).id != job.id
