"""The event history: how much of it is kept (`streams.events.maxLen`), and who hears it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import PATIENCE, Heard

from jetbull import Queue
from jetbull.ledger.streams.events import decode


async def history(queue: Queue[Any, Any]) -> list[str]:
    """The ids of the added jobs the history still tells of."""
    store = await queue.ledger()
    await store.event_log.flush()
    query = {"next_by_subj": store.names.events, "seq": 1, "batch": 1000}
    found = await store.wire.get_batch(store.names.space.events, query)
    events = [event for message in found for event in decode(message.data)]
    return [event["jobId"] for event in events if event["event"] == "added"]


async def test_the_history_is_kept_at_about_the_length_asked_for(make: Makers) -> None:
    queue = make.queue(streams={"events": {"maxLen": 60}})
    for _ in range(400):
        await queue.add("job", {})
    told = await history(queue)
    assert told[-1] == "400"
    assert 20 <= len(told) <= 150  # two events a job, and a cut now and then


async def test_a_short_history_is_cut_before_it_doubles(make: Makers) -> None:
    queue = make.queue(streams={"events": {"maxLen": 20}})
    for _ in range(95):
        await queue.add("job", {})
    assert 5 <= len(await history(queue)) <= 45


async def test_of_a_length_of_nothing_only_what_was_told_last_is_kept(
    make: Makers, queue: Any
) -> None:
    brief = make.queue(queue.name, streams={"events": {"maxLen": 0}})
    told = Heard(make.events(queue), "added")
    for number in range(1, 11):
        await brief.add("job", {})
        await told.times(number)
    assert len(await history(brief)) <= 1
    assert (await brief.getMeta())["maxLenEvents"] == 0


async def test_without_the_option_all_of_it_is_kept(make: Makers) -> None:
    queue = make.queue()
    for _ in range(200):
        await queue.add("job", {})
    assert await history(queue) == [str(n) for n in range(1, 201)]


async def test_a_length_that_is_none_is_refused(make: Makers) -> None:
    with pytest.raises(ValueError, match="'many': give the number of events to keep"):
        make.queue(streams={"events": {"maxLen": "many"}})


async def test_the_length_is_told_with_the_queues_settings(make: Makers) -> None:
    assert (await make.queue(streams={"events": {"maxLen": 60}}).getMeta())["maxLenEvents"] == 60
    assert (await make.queue().getMeta())["maxLenEvents"] == 10_000


async def test_before_it_is_run_a_listener_is_ready_when_it_is_connected(
    make: Makers, queue: Any
) -> None:
    events = make.events(queue, autorun=False)
    await asyncio.wait_for(events.waitUntilReady(), PATIENCE)
    waiting = Heard(events, "waiting")
    running = asyncio.ensure_future(events.run())
    await asyncio.wait_for(events.waitUntilReady(), PATIENCE)
    await queue.add("job", {})
    await waiting.once()
    await events.close()
    await asyncio.wait({running})


async def test_a_listener_that_was_just_run_is_ready_when_it_can_miss_nothing(
    make: Makers, queue: Any
) -> None:
    events = make.events(queue, autorun=False, lastEventId="$")
    waiting = Heard(events, "waiting")
    running = asyncio.ensure_future(events.run())
    await asyncio.wait_for(events.waitUntilReady(), PATIENCE)
    await queue.add("job", {})
    await waiting.once()
    await events.close()
    await asyncio.wait({running})


async def test_who_waits_until_it_is_ready_hears_all_of_the_history(
    make: Makers, queue: Any
) -> None:
    jobs = [await queue.add("job", {}) for _ in range(3)]
    for _ in range(3):
        events = make.events(queue, lastEventId="0")
        await asyncio.wait_for(events.waitUntilReady(), PATIENCE)
        added = Heard(events, "added")
        await queue.add("later", {})
        told = await added.times(4)
        assert [args["jobId"] for args, _ in told][:3] == [job.id for job in jobs]
