"""Listeners that raise: told as `error`, and nothing else comes of it, as in BullMQ for Node."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import PATIENCE, Heard
from tests.contract.bullmq.situations import added


class MistakeError(Exception):
    """What the listeners of these tests raise."""


def mistaken(*_: Any) -> None:
    raise MistakeError


@pytest.mark.parametrize("event", ["ready", "active", "completed", "drained"])
async def test_a_worker_works_whatever_its_listeners_raise(
    make: Makers, queue: Any, event: str
) -> None:
    await added(queue, 2)
    worker = make.worker(queue, done)
    completed, errors = Heard(worker, "completed"), Heard(worker, "error")
    worker.on(event, mistaken)
    await completed.times(2)
    assert isinstance((await errors.once())[0], MistakeError)


@pytest.mark.parametrize("event", ["paused", "resumed", "closing", "closed"])
async def test_a_worker_pauses_and_closes_whatever_its_listeners_raise(
    make: Makers, queue: Any, event: str
) -> None:
    worker = make.worker(queue, done)
    errors = Heard(worker, "error")
    worker.on(event, mistaken)
    await asyncio.wait_for(worker.waitUntilReady(), PATIENCE)
    await worker.pause()
    worker.resume()
    await worker.close()
    assert worker.closed
    assert [type(error) for error, *_ in errors.calls] == [MistakeError]


async def test_a_job_is_fetched_by_hand_whatever_a_listener_raises(
    make: Makers, queue: Any
) -> None:
    [job] = await added(queue, 1)
    worker = make.worker(queue)
    worker.on("active", mistaken)
    assert (await worker.getNextJob("token")).id == job.id


@pytest.mark.parametrize("error_listener", [None, mistaken], ids=["", "nor one of errors"])
async def test_who_waits_for_a_job_is_told_its_end_whatever_a_listener_raises(
    make: Makers, queue: Any, error_listener: Any
) -> None:
    events = make.events(queue, lastEventId="$")
    events.on("completed", mistaken)
    if error_listener is not None:
        events.on("error", error_listener)
    await asyncio.wait_for(events.waitUntilReady(), PATIENCE)
    job = await queue.add("job", {}, {"removeOnComplete": True})
    ended = asyncio.ensure_future(job.waitUntilFinished(events))
    await Heard(make.worker(queue, done), "completed").once()
    assert await asyncio.wait_for(ended, PATIENCE) == "done"


async def test_an_add_gives_its_job_whatever_the_listeners_of_its_errors_raise(
    make: Makers, queue: Any
) -> None:
    queue.on("waiting", mistaken)
    queue.on("error", mistaken)
    job = await queue.add("job", {})
    assert await job.getState() == "waiting"


async def test_nothing_is_kept_of_the_jobs_whose_end_was_waited_for(
    make: Makers, queue: Any
) -> None:
    events = make.events(queue, lastEventId="$")
    await asyncio.wait_for(events.waitUntilReady(), PATIENCE)
    jobs = [await queue.add("job", {}) for _ in range(3)]
    ends = [asyncio.ensure_future(job.waitUntilFinished(events)) for job in jobs]
    make.worker(queue, done)
    assert await asyncio.wait_for(asyncio.gather(*ends), PATIENCE) == ["done"] * 3
    assert not events._events
