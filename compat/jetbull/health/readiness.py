"""Whether jobs can be stored and taken: 'connected' is not 'consuming'."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from uuid import uuid4

from jetbull import Queue
from jetbull.errors import AckTimeout, JetbullError, ServerUnavailable
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Msg

from .facts import stream_facts

__all__ = ["Check", "check_readiness"]

_PROBE_SECONDS = 2.0
_PROBE_LIVES_SECONDS = 60
_FORGOTTEN_AFTER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `name`, whether it is right, and a sentence that says what was seen."""

    name: str
    ok: bool
    detail: str


async def check_readiness(queue: Queue, timeout: float = 5.0) -> list[Check]:
    """Look at `nats`, `stream` and `consume`, in this order, up to the first that fails.

    `consume` stores a message of its own in the stream and takes it out again, as a worker
    does with a job. All within `timeout` seconds.
    """
    checks: list[Check] = []
    name = "nats"
    try:
        async with asyncio.timeout(timeout):
            store = await _connected(queue)
            checks.append(Check("nats", True, f"Connected to {store.wire.url}."))
            name = "stream"
            facts = await stream_facts(queue)
            checks.append(
                Check("stream", True, f"Stream {facts.name} holds {facts.messages} messages.")
            )
            name = "consume"
            await _probe(store)
            checks.append(Check("consume", True, "A message was stored and taken."))
    except TimeoutError as error:
        reason = str(error) or (
            f"There was no answer within {timeout:g} s; the server's log tells why. If its disk "
            "was full, make room and restart it."
        )
        checks.append(Check(name, False, reason))
    except JetbullError as error:
        checks.append(Check(name, False, str(error)))
    return checks


async def _connected(queue: Queue) -> QueueStore:
    store = await queue.ledger()
    if not store.wire.is_connected:
        raise ServerUnavailable(f"The connection to {store.wire.url} is lost; reconnecting.")
    return store


async def _probe(store: QueueStore) -> None:
    """Store a message on a subject of its own and take it with a consumer of its own."""
    token = uuid4().hex
    subject, stream = store.names.aux("probe", token), store.names.space.jobs
    consumer = f"probe-{token}"
    config = {
        "name": consumer,
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "filter_subject": subject,
        "mem_storage": True,  # on as many servers as the stream: the server takes no fewer
        "inactive_threshold": _FORGOTTEN_AFTER_SECONDS * 1_000_000_000,
    }
    await store.wire.api(
        f"CONSUMER.CREATE.{stream}.{consumer}.{subject}",
        {"stream_name": stream, "config": config, "action": ""},
    )
    await store.put(subject, token.encode(), {"Nats-TTL": f"{_PROBE_LIVES_SECONDS}s"})
    message = await _pulled(store, stream, consumer)
    if message.data != token.encode():
        raise AckTimeout("The server stored a message and did not deliver it.")
    await store.wire.request(message.reply, b"+ACK")
    await store.wire.api(f"CONSUMER.DELETE.{stream}.{consumer}")


async def _pulled(store: QueueStore, stream: str, consumer: str) -> Msg:
    """The consumer's next message, or the server's word that there is none."""
    wire = store.wire
    arrived: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        if not arrived.done():
            arrived.set_result(message)

    inbox = wire.new_inbox()
    subscription = await wire.subscribe(inbox, take)
    try:
        request = {"batch": 1, "expires": int(_PROBE_SECONDS * 1_000_000_000)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        await wire.send(subject, json.dumps(request).encode(), inbox)
        return await arrived
    finally:
        await wire.unsubscribe(subscription)
