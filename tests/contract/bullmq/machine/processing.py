"""Steps of workers."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.contract.bullmq.machine.drawn import DATA, FAR
from tests.contract.bullmq.machine.life import Life
from tests.contract.bullmq.machine.side import Side


class Processing(Life):
    """Jobs are taken and finished, put off, or wait for children."""

    @rule()
    def take(self) -> None:
        self.tokens += 1
        token = f"t{self.tokens}"
        job_id = self.same(lambda side: side.take(token))
        if isinstance(job_id, str) and "<ms>" not in job_id:
            self.active.append(job_id)
            if job_id not in self.known:
                self.known.append(job_id)

    @rule(value=DATA, fails=st.booleans())
    def finish_child(self, value: Any, fails: bool) -> None:
        self.tokens += 1
        token = f"t{self.tokens}"
        self.same(lambda side: side.finish_child(token, value, fails))

    def _hold(self, data: Any) -> str:
        return self.pick(data, self.active)

    @precondition(lambda self: self.active)
    @rule(data=st.data(), value=DATA)
    def complete(self, data: Any, value: Any) -> None:
        job_id = self._hold(data)
        self.active.remove(job_id)

        async def step(side: Side) -> Any:
            job = side.taken[job_id]
            await job.moveToCompleted(value, job.token)

        self.same(step)

    @precondition(lambda self: self.active)
    @rule(data=st.data(), unrecoverable=st.booleans())
    def fail(self, data: Any, unrecoverable: bool) -> None:
        job_id = self._hold(data)
        self.active.remove(job_id)

        async def step(side: Side) -> Any:
            job = side.taken[job_id]
            kind = side.backend.UnrecoverableError if unrecoverable else ValueError
            await job.moveToFailed(kind("no"), job.token)

        self.same(step)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def delay_active(self, data: Any) -> None:
        job_id = self._hold(data)
        self.active.remove(job_id)

        async def step(side: Side) -> Any:
            job = side.taken[job_id]
            await job.moveToDelayed(int(time.time() * 1000) + FAR, job.token)

        self.same(step)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def wait_for_children(self, data: Any) -> None:
        job_id = self._hold(data)

        async def step(side: Side) -> Any:
            job = side.taken[job_id]
            return await job.moveToWaitingChildren(job.token, {})

        if self.same(step) is True:
            self.active.remove(job_id)
