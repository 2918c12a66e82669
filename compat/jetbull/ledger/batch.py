"""All-or-nothing storing of several messages (JetStream atomic batches, ADR-50)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

from jetbull.errors import AckTimeout, Conflict, StoreError
from jetbull.ledger.guard import HeaderMap
from jetbull.ledger.wire import Wire

MAX_BATCH = 1000  # messages, the server's limit
PATIENCE = 30.0  # seconds
_INCOMPLETE = 10176  # messages of the batch are missing


@dataclass(slots=True)
class Message:
    """One message of a batch or a single transition."""

    subject: str
    payload: bytes
    headers: HeaderMap = field(default_factory=dict)


async def commit(
    wire: Wire, stream: str, messages: Sequence[Message], patience: float = PATIENCE
) -> int:
    """Stores all of them or none; the sequence of the last one.

    `Conflict` when any guard failed. A batch whose answer was lost is looked for before it is
    sent again, so it is stored once; if it is not there any more, the conflict is marked
    `repeated`. AckTimeout when the server stayed away for `patience` seconds.
    """
    deadline = monotonic() + patience
    repeated = False
    while True:
        try:
            return await _send(wire, messages)
        except Conflict as rival:
            rival.repeated = repeated
            raise
        except AckTimeout:
            repeated = True
            if monotonic() > deadline:
                raise
            try:
                async with asyncio.timeout(deadline - monotonic()):
                    await wire.connected()
            except TimeoutError:
                raise AckTimeout(
                    f"The NATS server at {wire.url} stayed away for {patience:g} s; the jobs may "
                    "or may not be stored."
                ) from None
            last = messages[-1]
            stored = await wire.get_last(stream, last.subject)
            if stored is not None and stored.data == last.payload:
                return stored.seq
        except StoreError as error:
            if error.code != _INCOMPLETE or monotonic() > deadline:
                raise  # a batch torn by a reconnect was not stored: send it again


async def _send(wire: Wire, messages: Sequence[Message]) -> int:
    if len(messages) == 1:
        only = messages[0]
        return await (await wire.post(only.subject, only.payload, only.headers))
    batch = uuid4().hex
    async with wire.batch_slots:
        for number, message in enumerate(messages[:-1], 1):
            message.headers["Nats-Batch-Id"] = batch
            message.headers["Nats-Batch-Sequence"] = str(number)
            if wire.crowded:
                await wire.room()
            wire.send_now(message.subject, message.payload, "", message.headers)
        last = messages[-1]
        last.headers["Nats-Batch-Id"] = batch
        last.headers["Nats-Batch-Sequence"] = str(len(messages))
        last.headers["Nats-Batch-Commit"] = "1"
        return await (await wire.post(last.subject, last.payload, last.headers, timeout=20))
