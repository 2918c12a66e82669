"""A queue's life, lived on both sides at once: every step has to give the same, and to show it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.machine.side import Side, Step, both, differences, views

T = TypeVar("T")


class Life(RuleBasedStateMachine):
    """Both sides and what is known of them; `backends` and `loop` are set by the test."""

    backends: list[Backend]
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        prefix = f"m{uuid4().hex[:10]}"
        self.sides = self.run(self._open(prefix))
        self.known: list[str] = []
        self.active: list[str] = []
        self.schedulers: set[str] = set()
        self.tokens = 0

    async def _open(self, prefix: str) -> list[Side]:
        return [Side(backend, prefix) for backend in self.backends]

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    def teardown(self) -> None:
        try:
            there, here = self.run(self._stories())
        finally:
            self.run(self._close())
        assert "\n".join(differences(there, here)) == ""

    async def _stories(self) -> list[list[Any]]:
        return [await side.story() for side in self.sides]

    async def _close(self) -> None:
        for side in self.sides:
            await side.close()
            for worker in (side.worker, side.child_worker):
                await side.backend.hang_up(worker)

    def same(self, step: Step) -> Any:
        """Takes a step on both sides and gives what it gave."""
        outcomes = self.run(both(self.sides, step))
        assert outcomes[1:] == outcomes[:1]
        return outcomes[0][1] if outcomes[0][0] == "gives" else None

    def quietly(self, step: Step) -> None:
        """As `same`, for steps whose result means nothing to a caller."""

        async def silent(side: Side) -> None:
            await step(side)

        self.same(silent)

    def learn(self, given: Any) -> None:
        if isinstance(given, tuple | list) and given and given[0] == "job":
            job_id = given[1]
            if job_id not in self.known and "<ms>" not in job_id:
                self.known.append(job_id)

    def pick(self, data: Any, ids: list[str]) -> str:
        return str(data.draw(st.sampled_from(ids)))

    @invariant()
    def both_show_the_same(self) -> None:
        there, here = self.run(views(self.sides, self.known))
        assert "\n".join(differences(there, here)) == ""

    @initialize()
    def begin(self) -> None:
        self.same(lambda side: side.queue.isPaused())

    def on_job(self, data: Any, step: Callable[[Any], Awaitable[Any]]) -> None:
        job_id = self.pick(data, self.known)

        async def found(side: Side) -> Any:
            return await step(await side.job(job_id))

        self.quietly(found)
