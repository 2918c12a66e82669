"""Which workers are there, and reaching the one that holds a job: questions over core NATS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from jetbull.errors import StreamMissing
from jetbull.ledger.store import QueueStore
from jetbull.ledger.wire import Msg, Subscription

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

    async def open(self) -> None:
        """Starts answering; also learns of patches and families from now on."""
        store = self._store
        names = store.names
        for topic, callback in (
            ("who", self._on_who),
            ("cancel", self._on_cancel),
            ("patch", self._on_patch),
            ("family", self._on_family),
        ):
            self._subscriptions.append(await store.wire.subscribe(names.hint(topic), callback))
        await learn(store)

    async def close(self) -> None:
        """Stops answering."""
        for subscription in self._subscriptions:
            await self._store.wire.unsubscribe(subscription)

    async def _on_who(self, msg: Msg) -> None:
        await self._store.wire.send(msg.reply, json.dumps(self._describe()).encode())

    async def _on_cancel(self, msg: Msg) -> None:
        body = json.loads(msg.data)
        heard = self._cancel(body["jobId"], body.get("reason"))
        if heard is not None:
            await self._store.wire.send(msg.reply, json.dumps(heard).encode())

    async def _on_patch(self, _: Msg) -> None:
        self._store.patched = True

    async def _on_family(self, _: Msg) -> None:
        self._store.families = True


async def announce_listener(
    store: QueueStore, describe: Callable[[], dict[str, Any]]
) -> Subscription:
    """Lets a QueueEvents answer to 'who listens'; unsubscribe to end that."""

    async def answer(msg: Msg) -> None:
        await store.wire.send(msg.reply, json.dumps(describe()).encode())

    return await store.wire.subscribe(store.names.hint("listens"), answer)


async def learn(store: QueueStore) -> None:
    """Looks whether any job of the queue has a patch or children."""
    for flag, pattern in (
        ("patched", store.names.all_aux("patch")),
        ("families", store.names.all_dependencies()),
    ):
        if not getattr(store, flag):
            query = {"last_by_subj": pattern}
            found = await store.wire.get_one(store.names.space.jobs, query)
            if found is not None:
                setattr(store, flag, True)


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
