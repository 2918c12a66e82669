"""Steps that change one job."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.contract.bullmq.machine.drawn import DATA, PRIORITIES
from tests.contract.bullmq.machine.life import Life
from tests.contract.bullmq.machine.side import Side


class Changing(Life):
    """A job is promoted, retried, written to or removed."""

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def promote(self, data: Any) -> None:
        self.on_job(data, lambda job: job.promote())

    @precondition(lambda self: self.known)
    @rule(data=st.data(), priority=PRIORITIES, lifo=st.booleans())
    def change_priority(self, data: Any, priority: int, lifo: bool) -> None:
        self.on_job(data, lambda job: job.changePriority({"priority": priority, "lifo": lifo}))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), state=st.sampled_from(["failed", "completed"]), reset=st.booleans())
    def retry(self, data: Any, state: str, reset: bool) -> None:
        opts = {"resetAttemptsMade": True, "resetAttemptsStarted": True} if reset else {}
        self.on_job(data, lambda job: job.retry(state, opts))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), value=DATA)
    def update_data(self, data: Any, value: Any) -> None:
        self.on_job(data, lambda job: job.updateData(value))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), value=DATA)
    def update_progress(self, data: Any, value: Any) -> None:
        self.on_job(data, lambda job: job.updateProgress(value))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def write_log(self, data: Any) -> None:
        job_id = self.pick(data, self.known)

        async def step(side: Side) -> Any:
            return await (await side.job(job_id)).log(f"row {self.tokens}")

        self.same(step)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def children_values(self, data: Any) -> None:
        job_id = self.pick(data, self.known)

        async def step(side: Side) -> Any:
            return await (await side.job(job_id)).getChildrenValues()

        self.same(step)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), family=st.booleans())
    def remove(self, data: Any, family: bool) -> None:
        job_id = self.pick(data, self.known)
        self.same(lambda side: side.queue.remove(job_id, {"removeChildren": family}))
