"""A queue that is obliterated once more, because whoever began with it died on the way."""

from __future__ import annotations

import pytest

from jetbull import FlowProducer, Queue
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore
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
