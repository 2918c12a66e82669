"""All-or-nothing storing of several messages (JetStream atomic batches, ADR-50)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from jetbull.errors import AckTimeout
from jetbull.ledger.guard import HeaderMap
from jetbull.ledger.wire import Wire

MAX_BATCH = 1000  # messages, the server's limit


@dataclass(slots=True)
class Message:
    """One message of a batch or a single transition."""

    subject: str
    payload: bytes
    headers: HeaderMap = field(default_factory=dict)


async def commit(wire: Wire, stream: str, messages: Sequence[Message]) -> int:
    """Stores all of them or none; the sequence of the last one.

    `Conflict` when any guard failed. A batch whose answer was lost is looked for before it is
    sent again, so it is stored once.
    """
    while True:
        try:
            return await _send(wire, messages)
        except AckTimeout:
            await wire.connected()
            last = messages[-1]
            stored = await wire.get_one(stream, {"last_by_subj": last.subject})
            if stored is not None and stored.data == last.payload:
                return stored.seq


async def _send(wire: Wire, messages: Sequence[Message]) -> int:
    if len(messages) == 1:
        only = messages[0]
        return await (await wire.post(only.subject, only.payload, only.headers))
    batch = uuid4().hex
    async with wire.batch_slots:
        for number, message in enumerate(messages[:-1], 1):
            message.headers["Nats-Batch-Id"] = batch
            message.headers["Nats-Batch-Sequence"] = str(number)
            await wire.send(message.subject, message.payload, "", message.headers)
        last = messages[-1]
        last.headers["Nats-Batch-Id"] = batch
        last.headers["Nats-Batch-Sequence"] = str(len(messages))
        last.headers["Nats-Batch-Commit"] = "1"
        return await (await wire.post(last.subject, last.payload, last.headers, timeout=20))
