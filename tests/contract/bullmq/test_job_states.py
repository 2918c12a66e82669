"""Job.getState, Queue.getJobState and the is... questions, in every state."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard

QUESTIONS = {
    "completed": "isCompleted",
    "failed": "isFailed",
    "delayed": "isDelayed",
    "active": "isActive",
    "waiting": "isWaiting",
    "waiting-children": "isWaitingChildren",
}


async def answers(job: Any) -> dict[str, bool]:
    return {state: await getattr(job, question)() for state, question in QUESTIONS.items()}


async def job_in_state(make: Makers, queue: Any, state: str) -> Any:
    async def process(job: Any, token: str) -> str:
        if state == "failed":
            raise ValueError("no")
        return "done"

    if state == "waiting-children":
        flow = {"name": "top", "queueName": queue.name, "children": []}
        flow["children"] = [{"name": "leaf", "queueName": f"{queue.name}-leaves"}]
        return (await make.flow_producer().add(flow))["job"]
    options = {"delayed": {"delay": 60_000}, "prioritized": {"priority": 1}}.get(state, {})
    job = await queue.add("job", {}, options)
    if state == "active":
        await make.worker(queue).getNextJob("token")
    if state in ("completed", "failed"):
        await Heard(make.worker(queue, process), state).once()
    return job


@pytest.mark.parametrize("state", QUESTIONS)
async def test_a_job_is_in_exactly_one_state(make: Makers, queue: Any, state: str) -> None:
    job = await job_in_state(make, queue, state)
    assert await job.getState() == state
    assert await queue.getJobState(job.id) == state
    assert await answers(job) == {other: other == state for other in QUESTIONS}


async def test_a_prioritized_job_is_not_waiting(make: Makers, queue: Any) -> None:
    job = await job_in_state(make, queue, "prioritized")
    assert await job.getState() == "prioritized"
    assert not any((await answers(job)).values())


async def test_an_unknown_job_has_the_state_unknown(queue: Any) -> None:
    assert await queue.getJobState("nobody") == "unknown"


async def test_a_removed_job_has_the_state_unknown(queue: Any) -> None:
    job = await queue.add("job", {})
    await job.remove()
    assert await job.getState() == "unknown"
    assert not any((await answers(job)).values())


async def test_a_job_of_a_paused_queue_is_waiting(queue: Any) -> None:
    await queue.pause()
    job = await queue.add("job", {})
    assert await job.getState() == "waiting"
    assert await job.isWaiting()


async def test_a_job_that_removes_itself_on_completion_is_unknown_afterwards(
    make: Makers, queue: Any
) -> None:
    job = await queue.add("job", {}, {"removeOnComplete": True})
    await Heard(make.worker(queue, done), "completed").once()
    assert await job.getState() == "unknown"
