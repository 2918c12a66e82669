"""Steps that change or show the queue as a whole."""

from __future__ import annotations

import time

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from tests.contract.bullmq.machine.drawn import FAR, LUCK
from tests.contract.bullmq.machine.life import Life
from tests.contract.bullmq.machine.side import STATES


class Administering(Life):
    """Pausing, clearing, schedulers, pages."""

    @rule()
    def pause(self) -> None:
        self.quietly(lambda side: side.queue.pause())

    @rule()
    def resume(self) -> None:
        self.quietly(lambda side: side.queue.resume())

    @rule(delayed=st.booleans(), luck=LUCK)
    def drain(self, delayed: bool, luck: int) -> None:
        if luck:
            return
        self.quietly(lambda side: side.queue.drain(delayed))

    @rule(
        state=st.sampled_from(["completed", "failed", "wait", "delayed", "prioritized"]),
        limit=st.sampled_from([0, 1, 2]),
    )
    def clean(self, state: str, limit: int) -> None:
        self.same(lambda side: side.queue.clean(0, limit, state))

    @rule(state=st.sampled_from(["failed", "completed"]))
    def retry_all(self, state: str) -> None:
        self.quietly(lambda side: side.queue.retryJobs({"state": state}))

    # BullMQ's drain takes the wrong jobs from a line that holds a scheduler's next one.
    @precondition(lambda self: not self.schedulers)
    @rule()
    def promote_all(self) -> None:
        self.quietly(lambda side: side.queue.promoteJobs())

    @rule(force=st.booleans(), luck=LUCK)
    def obliterate(self, force: bool, luck: int) -> None:
        if luck:
            return
        self.quietly(lambda side: side.queue.obliterate(force))
        if force:
            self.active.clear()
            self.schedulers.clear()

    @rule(name=st.sampled_from(["s", "s2"]), every=st.sampled_from([FAR, 2 * FAR]))
    def upsert_scheduler(self, name: str, every: int) -> None:
        self.schedulers.add(name)
        start = (int(time.time() * 1000) // FAR + 2) * FAR
        self.same(
            lambda side: side.queue.upsertJobScheduler(
                name, {"every": every, "startDate": start}, "tick", {"s": name}
            )
        )

    @rule(name=st.sampled_from(["s", "s2"]))
    def remove_scheduler(self, name: str) -> None:
        self.same(lambda side: side.queue.removeJobScheduler(name))
        self.schedulers.discard(name)

    @rule(
        state=st.sampled_from([s for s in STATES if s != "waiting-children"]),
        start=st.integers(-3, 3),
        end=st.integers(-3, 3),
        asc=st.booleans(),
    )
    def page(self, state: str, start: int, end: int, asc: bool) -> None:
        self.same(lambda side: side.queue.getJobs([state], start, end, asc))
