"""What `queue.client` says where there is no answer."""

from __future__ import annotations

import pytest

from jetbull import Queue, QueueEvents, QueueEventsProducer, ServerUnavailable, Worker
from jetbull.server import EmbeddedServer


async def test_a_ping_tells_when_the_server_is_gone_and_when_it_is_back() -> None:
    with EmbeddedServer() as server:
        async with Queue("mail", {"connection": server.url}) as queue:
            assert await queue.client.ping() is True
            server.kill()
            with pytest.raises(ServerUnavailable, match=r"nats://127\.0\.0\.1:\d+"):
                await queue.client.ping()
            server.start()
            await (await queue.ledger()).wire.connected()
            assert await queue.client.ping() is True


async def test_nobody_holds_a_connection_to_redis() -> None:
    queue, worker = Queue("mail"), Worker("mail", None)
    events, producer = QueueEvents("mail", {"autorun": False}), QueueEventsProducer("mail")
    assert queue.redisConnection is worker.redisConnection is None
    assert worker.blockingRedisConnection is None
    assert events.redisConnection is producer.redisConnection is None


def test_what_only_redis_has_is_refused_in_a_sentence() -> None:
    client = Queue("mail").client
    assert not hasattr(client, "hgetall")
    with pytest.raises(AttributeError, match="has no hgetall: there is no Redis"):
        client.hgetall("bull:mail:1")
