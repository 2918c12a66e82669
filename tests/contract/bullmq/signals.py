"""Waiting for what an emitter says, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

PATIENCE = 10.0
"""Seconds any wait of a contract test may take before the test fails."""

_SHOWN = 20  # of what was heard, in the error of a wait


class Heard:
    """Everything emitters say under one event name, in order, and a way to await it."""

    def __init__(self, emitter: Any, event: str, *more_emitters: Any) -> None:
        self.event = event
        self.calls: list[tuple[Any, ...]] = []
        self._changed = asyncio.Event()
        for one in (emitter, *more_emitters):
            one.on(event, self._hear)

    def _hear(self, *args: Any) -> None:
        self.calls.append(args)
        self._changed.set()

    async def times(self, count: int) -> list[tuple[Any, ...]]:
        """The first `count` calls, once there are that many; TimeoutError after 10 s."""
        await self._until(lambda: len(self.calls) >= count, f"{count} times")
        return self.calls[:count]

    async def once(self) -> tuple[Any, ...]:
        """The arguments of the first call."""
        return (await self.times(1))[0]

    async def where(self, matches: Callable[..., bool]) -> tuple[Any, ...]:
        """The arguments of the first call that `matches` accepts."""
        await self._until(lambda: any(matches(*call) for call in self.calls), "as asked")
        return next(call for call in self.calls if matches(*call))

    async def _until(self, enough: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not enough():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            heard = f"{len(self.calls)} times, lately {self.calls[-_SHOWN:]}"
            raise TimeoutError(f"'{self.event}' was not heard {what}, but {heard}") from None


QUEUE_EVENTS = (
    "added",
    "waiting",
    "delayed",
    "active",
    "progress",
    "completed",
    "failed",
    "retries-exhausted",
    "stalled",
    "waiting-children",
    "removed",
    "duplicated",
    "deduplicated",
    "cleaned",
    "paused",
    "resumed",
    "drained",
)


class Story:
    """All events of a queue in the order a QueueEvents told them."""

    def __init__(self, events: Any, *custom: str) -> None:
        self.chapters: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Event()
        for name in (*QUEUE_EVENTS, *custom):
            events.on(name, self._listener(name))

    def _listener(self, name: str) -> Callable[..., None]:
        def hear(*args: Any) -> None:
            self.chapters.append((name, args[0] if len(args) > 1 else {}))
            self._changed.set()

        return hear

    async def until(self, name: str, count: int = 1, **fields: Any) -> dict[str, Any]:
        """The payload of the `count`-th event `name` that has `fields`; TimeoutError after 10 s."""
        try:
            async with asyncio.timeout(PATIENCE):
                while len(found := self.told(name, **fields)) < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            lately = self.chapters[-_SHOWN:]
            raise TimeoutError(f"'{name}' {fields} was not told, but lately {lately}") from None
        return found[count - 1]

    def told(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """The payloads of all events `name` so far that have `fields`."""
        return [
            args
            for chapter, args in self.chapters
            if chapter == name and all(args.get(key) == value for key, value in fields.items())
        ]

    def names(self, job_id: str | None = None) -> list[str]:
        """The names of the events so far, of one job if given."""
        return [
            name for name, args in self.chapters if job_id is None or args.get("jobId") == job_id
        ]
