"""Which workers are there, and reaching the one that holds a job: questions over core NATS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from jetbull.errors import StreamMissing
from jetbull.ledger.store.store import TRAITS, QueueStore
from jetbull.ledger.wire import Handler, Msg, Subscription

_ANSWER_SECONDS = 0.25


class Presence:
    """A worker's answers to 'who is there' and 'cancel this job'."""

    def __init__(
        self,
        store: QueueStore,
        describe: Callable[[], dict[str, Any]],
        cancel: Callable[[str, str | None], bool | None],
    ) -> None:
        self._store = store
        self._describe = describe
        self._cancel = cancel
        self._subscriptions: list[Subscription] = []
        self._forget_listener: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Starts answering; also learns of patches, families … from now on."""
        store = self._store
        names = store.names
        topics: dict[str, Callable[[Msg], Awaitable[None]] | Handler] = {
            "who": self._on_who,
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

    async def _on_who(self, msg: Msg) -> None:
        await self._store.wire.send(msg.reply, json.dumps(self._describe()).encode())

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


async def announce_listener(
    store: QueueStore, describe: Callable[[], dict[str, Any]]
) -> Subscription:
    """Lets a QueueEvents answer to 'who listens'; unsubscribe to end that."""

    async def answer(msg: Msg) -> None:
        await store.wire.send(msg.reply, json.dumps(describe()).encode())

    return await store.wire.subscribe(store.names.hint("listens"), answer)


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
    return await _ask_all(store, "who")


async def listeners(store: QueueStore) -> list[dict[str, Any]]:
    """What every QueueEvents of the queue says of itself."""
    return await _ask_all(store, "listens")


async def _ask_all(store: QueueStore, topic: str) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    inbox = store.wire.new_inbox()

    async def collect(msg: Msg) -> None:
        if msg.data:
            answers.append(json.loads(msg.data))

    subscription = await store.wire.subscribe(inbox, collect)
    try:
        await store.wire.send(store.names.hint(topic), b"", inbox)
        await asyncio.sleep(_ANSWER_SECONDS)
    finally:
        await store.wire.unsubscribe(subscription)
    return answers


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


__all__ = ["Presence", "announce_listener", "cancel", "learn", "listeners", "workers"]
