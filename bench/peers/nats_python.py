"""nats-py with nothing of a job queue on top: what JetStream gives through this library.

A work-queue stream on files and one durable pull consumer; each message is acked without waiting,
except at concurrency 1, where the ack is awaited.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.client import JetStreamContext

__all__ = ["Producer", "work"]


async def _open(url: str) -> tuple[Client, JetStreamContext]:
    client = await nats.connect(url)
    stream = client.jetstream()
    await stream.add_stream(
        StreamConfig(name="BENCH", subjects=["bench.>"], retention=RetentionPolicy.WORK_QUEUE)
    )
    consumer = ConsumerConfig(durable_name="w", ack_wait=60, max_ack_pending=20_000)
    await stream.add_consumer("BENCH", consumer)
    return client, stream


class Producer:
    """Publishes messages."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = url

    async def open(self) -> None:
        self.client, self.stream = await _open(self._url)

    async def add(self, data: Any) -> None:
        await self.stream.publish("bench.job", json.dumps(data).encode())

    async def add_bulk(self, rows: list[Any]) -> None:
        publish = self.stream.publish_async
        await asyncio.gather(*[await publish("bench.job", json.dumps(r).encode()) for r in rows])

    async def close(self) -> None:
        await self.client.close()


async def work(
    url: str, concurrency: int, handle: Callable[[Any], None], sleep: float | None
) -> None:
    """Handles messages until cancelled."""
    _, stream = await _open(url)
    pull = await stream.pull_subscribe_bind(
        consumer="w", stream="BENCH", pending_msgs_limit=-1, pending_bytes_limit=-1
    )
    while True:
        try:
            messages = await pull.fetch(concurrency, timeout=30)
        except (NatsTimeout, TimeoutError):
            continue
        for message in messages:
            handle(json.loads(message.data))
            await (message.ack_sync() if concurrency == 1 else message.ack())
