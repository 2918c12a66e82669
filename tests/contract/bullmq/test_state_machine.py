"""Random lives of a queue, lived on BullMQ and on jetbull: both must show the same at every step.

`STATE_MACHINE_EXAMPLES` (15) says how many lives; with more, each run takes others.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.conftest import CHOSEN
from tests.contract.bullmq.machine.side import STATES, Side, Step, both, differences, views

LIVES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "15"))
USUAL = 15
T = TypeVar("T")

FAR = 3_600_000
TIMES = st.sampled_from([FAR, 2 * FAR, 3 * FAR])
PRIORITIES = st.sampled_from([0, 0, 1, 2, 2_097_151])
DATA = st.sampled_from([{}, {"n": 1}, None, "text", [1, None, 2**60], {"ש": "🎧"}, 0, False])
IDS = st.sampled_from(["a", "b", "c.*", "ש"])
LUCK = st.integers(0, 4)  # steps that end most of what a life has built are taken only at 0
KEEP = st.sampled_from([True, 1, 0, {"count": 2}, {"age": 3600}, False])


@st.composite
def options(draw: Any) -> dict[str, Any]:
    """Options of a job, few at a time."""
    known = {
        "delay": TIMES,
        "priority": PRIORITIES,
        "lifo": st.just(True),
        "jobId": IDS,
        "attempts": st.sampled_from([1, 2, 3]),
        "backoff": st.sampled_from([FAR, {"type": "exponential", "delay": FAR}]),
        "removeOnComplete": KEEP,
        "removeOnFail": KEEP,
        "keepLogs": st.sampled_from([1, 2]),
        "stackTraceLimit": st.sampled_from([0, 1]),
        "deduplication": st.sampled_from(
            [
                {"id": "d"},
                {"id": "d", "ttl": FAR},
                {"id": "d", "ttl": FAR, "extend": True},
                {"id": "d", "ttl": FAR, "replace": True},
                {"id": "d", "keepLastIfActive": True},
            ]
        ),
    }
    names = draw(st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True))
    return {name: draw(known[name]) for name in names}


class Lives(RuleBasedStateMachine):
    """The rules; `backends` and `loop` are set by the test."""

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

    @precondition(lambda self: len(self.known) < 3)
    @rule(many=st.lists(st.tuples(DATA, options()), min_size=3, max_size=6))
    def begin_with_some(self, many: list[tuple[Any, dict[str, Any]]]) -> None:
        for data, opts in many:
            self.add_one(data, opts)

    # --- producing ---------------------------------------------------------------------

    @rule(data=DATA, opts=options())
    def add(self, data: Any, opts: dict[str, Any]) -> None:
        self.add_one(data, opts)

    def add_one(self, data: Any, opts: dict[str, Any]) -> None:
        self.learn(self.same(lambda side: side.queue.add("job", data, dict(opts))))

    @rule(many=st.lists(st.tuples(DATA, options()), min_size=0, max_size=4))
    def add_bulk(self, many: list[tuple[Any, dict[str, Any]]]) -> None:
        rows = [{"name": "bulk", "data": d, "opts": o} for d, o in many if "deduplication" not in o]
        for job in self.same(lambda side: side.queue.addBulk([dict(r) for r in rows])) or ():
            self.learn(job)

    @rule(
        policy=st.sampled_from(
            [
                "",
                "failParentOnFailure",
                "ignoreDependencyOnFailure",
                "removeDependencyOnFailure",
                "continueParentOnFailure",
            ]
        ),
        own=st.booleans(),
        opts=st.sampled_from([{}, {"priority": 1}, {"delay": FAR}]),
    )
    def add_flow(self, policy: str, own: bool, opts: dict[str, Any]) -> None:
        self.tokens += 1
        number = self.tokens
        queue = "main" if own else "children"
        child = {policy: True} if policy else {}

        def tree() -> dict[str, Any]:
            return {
                "name": "parent",
                "queueName": "main",
                "data": {},
                "opts": {"jobId": f"p{number}", **opts},
                "children": [
                    {
                        "name": "child",
                        "queueName": queue,
                        "data": {},
                        "opts": {"jobId": f"k{number}-{n}", **child},
                    }
                    for n in range(2)
                ],
            }

        self.same(lambda side: side.flows.add(tree()))
        self.known.append(f"p{number}")
        if own:
            self.known += [f"k{number}-0", f"k{number}-1"]

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def add_child_later(self, data: Any) -> None:
        parent = self.pick(data, self.known)
        self.learn(
            self.same(
                lambda side: side.queue.add(
                    "late", {}, {"parent": {"id": parent, "queue": side.queue.qualifiedName}}
                )
            )
        )

    # --- processing --------------------------------------------------------------------

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

    # --- changing ----------------------------------------------------------------------

    def on_job(self, data: Any, step: Callable[[Any], Awaitable[Any]]) -> None:
        job_id = self.pick(data, self.known)

        async def found(side: Side) -> Any:
            return await step(await side.job(job_id))

        self.quietly(found)

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

    # --- the queue as a whole ----------------------------------------------------------

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


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.mark.skipif(len(CHOSEN) < 2, reason="needs BullMQ and a Valkey wheel beside jetbull")
@pytest.mark.timeout(max(120, LIVES * 20))
def test_random_lives_are_the_same_on_both(
    both_backends: list[Backend], loop: asyncio.AbstractEventLoop
) -> None:
    Lives.backends, Lives.loop = both_backends, loop
    usual = LIVES <= USUAL
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=40,
            deadline=None,
            derandomize=usual,
            database=None,
            phases=[Phase.generate],  # a life is short enough to read, and shrinking takes minutes
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
