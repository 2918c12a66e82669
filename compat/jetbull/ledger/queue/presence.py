"""Which workers are there, and reaching the one that holds a job: questions over core NATS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from jetbull.errors import StreamMissing
from jetbull.ledger.store.store import TRAITS, QueueStore
from jetbull.ledger.wire import Handler, Msg, Subscription

_ANSWER_SECONDS = 0.25
_ROLL = "Jetbull-Roll"
WORKERS = "who"
LISTENERS = "listens"
TRACES = "traced"
"""The hint by which servers tell where a message would have gone."""
_CLIENT = 0  # the kind of a way in a trace: to a client of the server, and not to another server


class Presence:
    """A running worker's answers to 'cancel this job', and what it learns of its queue."""

    def __init__(self, store: QueueStore, cancel: Callable[[str, str | None], bool | None]) -> None:
        self._store = store
        self._cancel = cancel
        self._subscriptions: list[Subscription] = []
        self._forget_listener: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Starts answering; also learns of patches, families … from now on."""
        store = self._store
        names = store.names
        topics: dict[str, Callable[[Msg], Awaitable[None]] | Handler] = {
            "cancel": self._on_cancel,
            **{topic: partial(self._on_trait, trait) for trait, topic in TRAITS.items()},
        }
        for topic, callback in topics.items():
            self._subscriptions.append(await store.wire.subscribe(names.hint(topic), callback))
        self._forget_listener = store.wire.on_reconnect(self._on_reconnect)
        await learn(store)

    async def close(self) -> None:
        """Stops answering."""
        self._forget_listener()
        self._store.informed = False
        for subscription in self._subscriptions:
            await self._store.wire.unsubscribe(subscription)

    async def _on_cancel(self, msg: Msg) -> None:
        body = json.loads(msg.data)
        heard = self._cancel(body["jobId"], body.get("reason"))
        if heard is not None:
            await self._store.wire.send(msg.reply, json.dumps(heard).encode())

    def _on_reconnect(self) -> None:
        self._store.informed = False  # what was told meanwhile is lost

    def _on_trait(self, trait: str, *_: object) -> None:
        # At once: the answer to a claim, which is right behind it, must not be heard first.
        self._store.has(trait)


class Announced:
    """Somebody who answers to 'who is there' (`WORKERS`) or 'who listens' (`LISTENERS`)."""

    def __init__(self, topic: str, describe: Callable[[], dict[str, Any]]) -> None:
        self._topic = topic
        self._describe = describe
        self._forget: Callable[[], Awaitable[None]] | None = None
        self.is_open = False

    async def open(self, store: QueueStore) -> None:
        """Answers from now on."""
        self.is_open = True

        async def answer(msg: Msg) -> None:
            await store.wire.send(msg.reply, json.dumps(self._describe()).encode())

        try:
            subscription = await store.wire.subscribe(store.names.hint(self._topic), answer)
        except BaseException:
            self.is_open = False  # the next call tries again
            raise
        self._forget = partial(store.wire.unsubscribe, subscription)

    async def close(self) -> None:
        """Answers no more."""
        if self._forget is not None:
            await self._forget()


async def learn(store: QueueStore) -> None:
    """Looks which traits any job of the queue has; for a worker, which hears of others."""
    names = store.names
    await asyncio.gather(
        _learn(store, "patched", names.space.jobs, names.all_aux("patch")),
        _learn(store, "families", names.space.jobs, names.all_dependencies()),
        _learn(store, "logged", names.space.logs, names.all_logs()),
        _learn(store, "bulky", names.space.objects, names.all_objects()),
    )
    store.informed = True


async def _learn(store: QueueStore, trait: str, stream: str, pattern: str) -> None:
    if getattr(store, trait):
        return
    if await store.wire.get_one(stream, {"last_by_subj": pattern}) is not None:
        store.has(trait)


async def workers(store: QueueStore) -> list[dict[str, Any]]:
    """What every worker of the queue says of itself."""
    return await _ask_all(store, WORKERS)


async def listeners(store: QueueStore) -> list[dict[str, Any]]:
    """What every QueueEvents of the queue says of itself."""
    return await _ask_all(store, LISTENERS)


async def _ask_all(store: QueueStore, topic: str) -> list[dict[str, Any]]:
    """What all say who listen, as soon as the last one has, or those that have after a moment."""
    wire, asked, traces = store.wire, store.names.hint(topic), store.names.hint(TRACES)
    inbox = wire.new_inbox()
    roll = _Roll(inbox)
    subscriptions = [
        await wire.subscribe(inbox, roll.on_answer),
        await wire.subscribe(traces, roll.on_trace),
    ]
    headers = {"Nats-Trace-Dest": traces, "Nats-Trace-Only": "true", _ROLL: inbox}
    try:
        await wire.send(asked, b"", inbox)
        # Apart from the question: of a login that may not ask for traces the server takes none.
        await wire.send(asked, b"", "", headers)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await roll.complete.wait()
    finally:
        for subscription in subscriptions:
            await wire.unsubscribe(subscription)
    return roll.answers


class _Roll:
    """Who answers a question to many, and how many were asked.

    The latter is told by the servers: where a message like it would have gone, to a client or to
    another server, which tells the same.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.answers: list[dict[str, Any]] = []
        self.complete = asyncio.Event()
        self._untold = 1  # servers whose trace is to come
        self._left = 0  # answers still to come

    async def on_answer(self, msg: Msg) -> None:
        """One of those who were asked, or the server's word that there is none."""
        if msg.data:
            self.answers.append(json.loads(msg.data))
            self._left -= 1
        else:
            self._untold = 0
        self._look()

    async def on_trace(self, msg: Msg) -> None:
        """Where one server would have sent the message."""
        trace = json.loads(msg.data)
        if trace["request"]["header"].get(_ROLL) != [self._name]:
            return  # somebody else asks as well
        ways = [event for event in trace["events"] if event["type"] == "eg"]
        clients = sum(1 for way in ways if way["kind"] == _CLIENT and not way.get("error"))
        self._left += clients
        self._untold += len(ways) - clients - 1
        self._look()

    def _look(self) -> None:
        if self._untold <= 0 and self._left <= 0:
            self.complete.set()


async def cancel(store: QueueStore, job_id: str, reason: str | None) -> bool | None:
    """Whether the processor of a running job got the signal; None when no worker answers.

    False: its worker heard, but the processor takes no signal.
    """
    body = json.dumps({"jobId": job_id, "reason": reason}).encode()
    try:
        answer = await store.wire.request(store.names.hint("cancel"), body, timeout=0.5)
    except (StreamMissing, TimeoutError):
        return None
    return bool(json.loads(answer.data))


__all__ = [
    "LISTENERS",
    "TRACES",
    "WORKERS",
    "Announced",
    "Presence",
    "cancel",
    "learn",
    "listeners",
    "workers",
]
