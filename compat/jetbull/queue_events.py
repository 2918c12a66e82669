"""Listening to everything that happens in a queue, in order, from any point of its history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self

from jetbull.backend import create_backend
from jetbull.beginning import begun
from jetbull.errors import (
    AckTimeout,
    ConnectionClosedError,
    JetbullError,
    ServerUnavailable,
    StoreError,
)
from jetbull.event_emitter import EventEmitter
from jetbull.ledger.queue.listening import Listener
from jetbull.ledger.queue.presence import LISTENERS, Announced
from jetbull.options import DEFAULT_PREFIX
from jetbull.ready import Ready

_DECODED = {"progress": "data", "completed": "returnvalue"}
_RETRY_SECONDS = 0.5


class QueueEvents(EventEmitter):
    """BullMQ's QueueEvents: listeners get `(args, event_id)`; `drained` gets `(event_id)`.

    Every event with a jobId is emitted a second time as `<event>:<jobId>`. `lastEventId` "$" begins
    with what happens from now on, "0" with the retained history (about 10,000 events).
    """

    def __init__(self, name: str, opts: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.name = name
        self.opts: dict[str, Any] = {
            "blockingTimeout": 10000,
            "lastEventId": "$",
            "autorun": True,
            **(opts or {}),
        }
        self.prefix: str = self.opts.get("prefix") or DEFAULT_PREFIX
        self.qualifiedName = f"{self.prefix}:{name}"
        self.running = False
        self.closing = False
        self.closed = False
        self.backend = create_backend(name, self.opts)
        self.client = self.backend.conn
        self.keys = self.backend.keys
        self.redisConnection = None
        self._ready = Ready()
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        if self.opts["autorun"]:
            self._task = begun(self.run, "QueueEvents")

    async def run(self) -> None:
        """Listens until closed. JetbullError when called twice."""
        if self.running:
            raise JetbullError("QueueEvents is already running.")
        if self._task is None:
            self._task = asyncio.current_task()
        self.running = True
        if not self.closing:
            self._ready.begin_again()
        try:
            await self._listen()
        except Exception as error:  # one that will not pass, such as a missing certificate file
            if not self.closing:
                self._ready.never(error)
                self.complain(error)
            raise
        finally:
            self.running = False

    async def _listen(self) -> None:
        while not self.closing:
            try:
                store = await self.backend.ledger()
            except (AckTimeout, ServerUnavailable, StoreError) as error:
                self.complain(error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            since = str(self.opts["lastEventId"] or "$")
            self._listener = Listener(store, since, self._dispatch, self.complain)
            self._listener.ready = self._ready.event
            announced = Announced(LISTENERS, self._describe)
            await announced.open(store)
            try:
                await self._listener.run()
            finally:
                await announced.close()

    def _describe(self) -> dict[str, str]:
        return {"name": self.name, "rawname": f"{self.qualifiedName}:qe"}

    async def waitUntilReady(self) -> None:
        """Returns when no event from now on can be missed (or, where `run` was not called, when it
        is connected).

        Raises the error that ended it instead; ConnectionClosedError if it was closed before.
        """
        if self._task is None and not self.closing:
            await asyncio.sleep(0)  # a task of `run` that was just made begins
        if self._task is None and not self.closing:
            await self.backend.ledger()
        if self._task is not None or self.closing:
            await self._ready.wait()

    def _dispatch(self, event: dict[str, Any], event_id: str) -> None:
        args = dict(event)
        name = args.pop("event", None)
        if not name:
            return
        field = _DECODED.get(name)
        if field and isinstance(args.get(field), str):
            args[field] = _decoded(args[field])
        # A listener's mistake must not end the stream for the others.
        if name == "drained":
            self.emit_safely(name, event_id)
            return
        self.emit_safely(name, args, event_id)
        job_id = args.get("jobId")
        if job_id:
            self.emit_safely(f"{name}:{job_id}", args, event_id)

    async def close(self) -> None:
        """Stops listening and lets go of the connection; may be called again."""
        self.closing = True
        self._ready.never(ConnectionClosedError("Connection is closed"))
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task() and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.backend.close()
        self.closed = True

    disconnect = close

    async def __aenter__(self) -> Self:
        await self.waitUntilReady()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


__all__ = ["QueueEvents"]
