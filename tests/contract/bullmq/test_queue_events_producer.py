"""QueueEventsProducer: events of one's own."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard, Story


async def test_a_custom_event_reaches_its_listeners(make: Makers, queue: Any) -> None:
    heard = Heard(make.events(queue), "painted")
    await make.events_producer(queue).publishEvent({"eventName": "painted", "color": "red"})
    args, event_id = await heard.once()
    assert args == {"color": "red"}
    assert isinstance(event_id, str)


async def test_all_values_arrive_as_text(make: Makers, queue: Any) -> None:
    heard = Heard(make.events(queue), "painted")
    event = {"eventName": "painted", "walls": 4, "share": 0.5, "note": "עברית 🎧"}
    await make.events_producer(queue).publishEvent(event)
    args, _ = await heard.once()
    assert args == {"walls": "4", "share": "0.5", "note": "עברית 🎧"}


@pytest.mark.parametrize("value", [None, True, {"a": 1}, [1]], ids=repr)
async def test_values_that_are_no_text_and_no_number_are_refused(
    make: Makers, queue: Any, value: Any
) -> None:
    producer = make.events_producer(queue)
    with pytest.raises(Exception, match=type(value).__name__):
        await producer.publishEvent({"eventName": "painted", "walls": value})


async def test_an_event_may_have_no_payload(make: Makers, queue: Any) -> None:
    heard = Heard(make.events(queue), "ping")
    await make.events_producer(queue).publishEvent({"eventName": "ping"})
    args, _ = await heard.once()
    assert args == {}


async def test_a_custom_event_with_a_job_id_is_told_under_that_id_too(
    make: Makers, queue: Any
) -> None:
    events = make.events(queue)
    general, specific = Heard(events, "painted"), Heard(events, "painted:7")
    await make.events_producer(queue).publishEvent({"eventName": "painted", "jobId": "7"})
    assert (await specific.once())[0] == {"jobId": "7"}
    assert (await general.once())[0] == {"jobId": "7"}


async def test_events_without_a_name_are_refused(make: Makers, queue: Any) -> None:
    with pytest.raises(ValueError, match=r"^publishEvent requires an 'eventName' key$"):
        await make.events_producer(queue).publishEvent({"color": "red"})


async def test_custom_events_keep_their_order_among_the_others(make: Makers, queue: Any) -> None:
    story = Story(make.events(queue), "before", "after")
    producer = make.events_producer(queue)
    await producer.publishEvent({"eventName": "before"})
    await queue.add("job", {})
    await producer.publishEvent({"eventName": "after"})
    await story.until("after")
    assert story.names() == ["before", "added", "waiting", "after"]


async def test_the_callers_event_is_not_changed(make: Makers, queue: Any) -> None:
    event = {"eventName": "painted", "color": "red"}
    await make.events_producer(queue).publishEvent(event)
    assert event == {"eventName": "painted", "color": "red"}


async def test_a_producer_closes_once_and_for_all(make: Makers, queue: Any) -> None:
    producer = make.events_producer(queue)
    await producer.publishEvent({"eventName": "ping"})
    await producer.close()
    await producer.close()
    assert producer.closing is True
