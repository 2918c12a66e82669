"""QueueEvents: what it tells, in which order and from which moment on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import Gate
from tests.contract.bullmq.signals import PATIENCE, Heard, Story
from tests.contract.bullmq.situations import added


async def done(job: Any, token: str) -> dict[str, list[int]]:
    return {"pages": [1, 2]}


async def fail(job: Any, token: str) -> None:
    raise ValueError("paper jam")


async def test_the_life_of_a_plain_job(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await queue.add("job", {})
    make.worker(queue, done)
    await story.until("drained")
    assert story.names() == ["added", "waiting", "active", "completed", "drained"]


async def test_the_payloads_of_a_plain_job(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("paint", {})
    make.worker(queue, done)
    await story.until("drained")
    assert story.told("added") == [{"jobId": job.id, "name": "paint"}]
    assert story.told("waiting") == [{"jobId": job.id}]
    assert story.told("active") == [{"jobId": job.id, "prev": "waiting"}]
    completed = {"jobId": job.id, "returnvalue": {"pages": [1, 2]}, "prev": "active"}
    assert story.told("completed") == [completed]


async def test_the_life_of_a_failing_job(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    job = await queue.add("job", {})
    make.worker(queue, fail)
    await story.until("drained")
    assert story.names() == [
        *("added", "waiting", "active"),
        *("failed", "retries-exhausted", "drained"),
    ]
    failed = {"jobId": job.id, "failedReason": "paper jam", "prev": "active"}
    assert story.told("failed") == [failed]
    assert story.told("retries-exhausted") == [{"jobId": job.id, "attemptsMade": "1"}]


async def test_a_listener_gets_the_payload_and_an_id(make: Makers, queue: Any) -> None:
    waiting = Heard(make.events(queue), "waiting")
    [job] = await added(queue, 1)
    args, event_id = await waiting.once()
    assert args == {"jobId": job.id}
    assert isinstance(event_id, str)
    assert event_id


async def test_drained_tells_its_id_only(make: Makers, queue: Any) -> None:
    drained = Heard(make.events(queue), "drained")
    await added(queue, 1)
    make.worker(queue, done)
    args = await drained.once()
    assert len(args) == 1
    assert isinstance(args[0], str)


async def test_drained_comes_when_nothing_is_left_to_do(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await added(queue, 3)
    make.worker(queue, done)
    await story.until("drained")
    assert story.names()[-2:] == ["completed", "drained"]
    assert len(story.told("completed")) == 3


@pytest.mark.parametrize("stop", ["worker.close", "worker.pause", "queue.pause"])
async def test_drained_comes_too_when_nothing_more_is_to_begin(
    make: Makers, queue: Any, stop: str
) -> None:
    gate = Gate()
    story = Story(make.events(queue))
    worker = make.worker(queue, gate.process)
    await added(queue, 1)
    await gate.holds(1)
    owner, _, method = stop.partition(".")
    stopping = asyncio.ensure_future(getattr({"worker": worker, "queue": queue}[owner], method)())
    if owner == "queue":
        await stopping
    gate.open()
    await stopping
    await story.until("drained")


async def test_a_queue_of_plain_and_prioritized_jobs_is_told_as_drained_once(
    make: Makers, queue: Any
) -> None:
    story = Story(make.events(queue))
    worker = make.worker(queue, done, autorun=False)
    for turn in range(1, 9):
        await queue.pause()
        await queue.add("plain", {})
        await queue.add("urgent", {}, {"priority": 1})
        if turn == 1:
            running = asyncio.ensure_future(worker.run())
        await queue.resume()
        await story.until("drained", turn)
        assert len(story.told("completed")) == 2 * turn
    await worker.close()
    await running
    await queue.pause()
    await story.until("paused", 9)
    assert len(story.told("drained")) == 8


async def test_every_event_of_a_job_is_told_a_second_time_under_its_id(
    make: Makers, queue: Any
) -> None:
    events = make.events(queue)
    mine = Heard(events, "completed:mine")
    everyone = Heard(events, "completed")
    await queue.add("job", {}, {"jobId": "other"})
    await queue.add("job", {}, {"jobId": "mine"})
    make.worker(queue, done)
    await everyone.times(2)
    args, _ = await mine.once()
    assert args["jobId"] == "mine"
    assert len(mine.calls) == 1


async def test_the_general_event_comes_before_the_one_of_the_job(make: Makers, queue: Any) -> None:
    order: list[str] = []
    events = make.events(queue)
    events.on("waiting:mine", lambda args, event_id: order.append("of the job"))
    events.on("waiting", lambda args, event_id: order.append("general"))
    heard = Heard(events, "waiting:mine")
    await queue.add("job", {}, {"jobId": "mine"})
    await heard.once()
    assert order == ["general", "of the job"]


async def test_ids_of_events_are_unique_and_in_order(make: Makers, queue: Any) -> None:
    waiting = Heard(make.events(queue), "waiting")
    await added(queue, 30)
    calls = await waiting.times(30)
    ids = [tuple(int(part) for part in event_id.split("-")) for _, event_id in calls]
    assert len(set(ids)) == 30
    assert ids == sorted(ids)
    assert [args["jobId"] for args, _ in calls] == [str(n) for n in range(1, 31)]


async def test_history_is_replayed_from_0(make: Makers, queue: Any) -> None:
    await added(queue, 3)
    story = Story(make.events(queue, lastEventId="0"))
    await story.until("waiting", jobId="3")
    assert story.names() == ["added", "waiting"] * 3


async def test_history_is_replayed_after_a_given_event(make: Makers, queue: Any) -> None:
    first = Heard(make.events(queue), "waiting")
    await added(queue, 3)
    _, second_id = (await first.times(2))[1]
    story = Story(make.events(queue, lastEventId=second_id))
    await story.until("waiting", jobId="3")
    assert [args["jobId"] for args in story.told("waiting")] == ["3"]


async def test_a_new_listener_hears_only_what_is_new(make: Makers, queue: Any) -> None:
    await added(queue, 2, "old")
    story = Story(make.events(queue, lastEventId="$"), "ping")
    producer = make.events_producer(queue)
    async with asyncio.timeout(PATIENCE):
        while not story.told("ping"):  # until it is heard, the listener has not begun
            await producer.publishEvent({"eventName": "ping"})
            await asyncio.sleep(0.01)
    await added(queue, 1, "new")
    await story.until("waiting", jobId="3")
    assert [args["jobId"] for args in story.told("waiting")] == ["3"]


async def test_new_events_are_the_default(make: Makers, queue: Any) -> None:
    events = make.backend.QueueEvents(queue.name, make.options({"autorun": False}))
    assert events.opts["lastEventId"] == "$"
    assert events.opts["blockingTimeout"] == 10_000
    assert events.opts["autorun"] is False
    await events.close()


async def test_every_instance_hears_every_event(make: Makers, queue: Any) -> None:
    first, second = Story(make.events(queue)), Story(make.events(queue))
    await added(queue, 3)
    await first.until("waiting", count=3)
    await second.until("waiting", count=3)
    assert first.chapters == second.chapters


async def test_events_of_other_queues_are_not_heard(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue))
    await make.queue().add("other", {})
    await make.queue(queue.name, prefix=f"{make.prefix}-other").add("other", {})
    await queue.add("mine", {})
    await story.until("waiting")
    assert story.told("added") == [{"jobId": "1", "name": "mine"}]


async def test_without_autorun_a_listener_waits_to_be_run(make: Makers, queue: Any) -> None:
    events = make.events(queue, autorun=False)
    waiting = Heard(events, "waiting")
    await added(queue, 1)
    assert waiting.calls == []
    running = asyncio.ensure_future(events.run())
    await waiting.once()
    assert events.running is True
    await events.close()
    await asyncio.wait({running}, timeout=PATIENCE)
    assert running.done()
    assert events.closed is True


async def test_queue_events_run_once(make: Makers, queue: Any) -> None:
    events = make.events(queue)
    heard = Heard(events, "waiting")
    await added(queue, 1)
    await heard.once()
    with pytest.raises(Exception, match=r"^QueueEvents is already running\.$"):
        await events.run()


async def test_a_closed_listener_hears_nothing_more(make: Makers, queue: Any) -> None:
    closed = make.events(queue)
    heard = Heard(closed, "waiting")
    await added(queue, 1)
    await heard.once()
    await closed.close()
    await added(queue, 1)
    await Story(make.events(queue)).until("waiting", count=2)
    assert len(heard.calls) == 1


async def test_history_can_be_trimmed_to_nothing(make: Makers, queue: Any) -> None:
    await added(queue, 5)
    await queue.trimEvents(0)
    await queue.add("new", {})
    story = Story(make.events(queue))
    await story.until("waiting")
    assert story.told("added") == [{"jobId": "6", "name": "new"}]


async def test_queue_events_know_their_names(make: Makers, queue: Any) -> None:
    events = make.events(queue)
    heard = Heard(events, "waiting")
    await added(queue, 1)
    await heard.once()
    assert (events.name, events.prefix) == (queue.name, make.prefix)
    assert events.qualifiedName == queue.qualifiedName
    assert (events.running, events.closing, events.closed) == (True, False, False)
