"""Numbers for jobs: each is given once, whoever asks meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Queue
from jetbull.errors import AckTimeout
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams import ids
from jetbull.ledger.streams.ids import IdSource
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer


async def test_numbers_taken_while_a_bulk_reserves_its_own_are_given_to_no_other_process(
    jetbull_url: str,
) -> None:
    wire, other_wire = await Wire.open([jetbull_url]), await Wire.open([jetbull_url])
    space = Space("bull")
    await ensure_streams(wire, space)
    own, others = (IdSource(w, space.queue("q")) for w in (wire, other_wire))
    given = [*await own.take(), *await own.take()]
    bulk = asyncio.ensure_future(own.take(5))
    await asyncio.sleep(0)  # its question is on its way
    given += await own.take()  # one that was left
    given += await bulk
    assert sorted(given) == list(range(1, 9))
    assert not set(await others.take(3)) & set(given)
    await wire.close()
    await other_wire.close()


async def test_all_who_ask_while_the_server_is_away_give_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ids, "_PATIENCE", 1.0)
    with EmbeddedServer() as server:
        wire = await Wire.open([server.url])
        space = Space("bull")
        await ensure_streams(wire, space)
        source = IdSource(wire, space.queue("q"))
        server.kill()
        async with asyncio.timeout(20):  # one after the other it would be a second for each
            failures = await asyncio.gather(
                *(source.take() for _ in range(60)), return_exceptions=True
            )
        assert all(isinstance(failure, AckTimeout) for failure in failures)
        server.start()
        await wire.connected()
        assert list(await source.take(2)) == [1, 2]
        await wire.close()


async def test_what_one_process_did_not_use_the_next_one_gives_first(jetbull_url: str) -> None:
    given: list[int] = []
    for _ in range(4):
        wire = await Wire.open([jetbull_url])
        await ensure_streams(wire, Space("bull"))
        source = IdSource(wire, Space("bull").queue("q"))
        given += [number for _ in range(5) for number in await source.take()]
        given += await source.take(3)
        await source.give_back()
        await wire.close()
    assert given == list(range(1, 33))


async def test_what_a_process_did_not_use_stays_a_gap_when_others_have_counted_on(
    jetbull_url: str,
) -> None:
    wire = await Wire.open([jetbull_url])
    await ensure_streams(wire, Space("bull"))
    first, second, third, fourth = (IdSource(wire, Space("bull").queue("q")) for _ in range(4))
    assert [*await first.take(), *await first.take()] == [1, 2]  # 3 is its own as well
    assert list(await second.take()) == [4]
    await first.give_back()
    assert list(await third.take()) == [5]
    await second.give_back()  # has used all
    assert list(await fourth.take()) == [6]
    await wire.close()


async def test_of_two_that_come_at_once_one_gives_what_was_left(jetbull_url: str) -> None:
    wire, other = await Wire.open([jetbull_url]), await Wire.open([jetbull_url])
    await ensure_streams(wire, Space("bull"))
    before = IdSource(wire, Space("bull").queue("q"))
    assert [*await before.take(), *await before.take()] == [1, 2]
    await before.give_back()
    sources = [IdSource(w, Space("bull").queue("q")) for w in (wire, other) for _ in range(5)]
    given = await asyncio.gather(*(source.take(2) for source in sources for _ in range(3)))
    numbers = [number for some in given for number in some]
    assert len(set(numbers)) == len(numbers) == 60
    assert 3 in numbers and not {1, 2} & set(numbers)
    await wire.close()
    await other.close()


async def test_what_was_left_counts_no_more_once_the_queue_was_obliterated(
    jetbull_url: str,
) -> None:
    async with Queue("again") as queue:
        assert [(await queue.add("job", {})).id for _ in range(2)] == ["1", "2"]
    for _ in range(2):
        async with Queue("again") as queue:
            await queue.obliterate()
            assert [(await queue.add("job", {})).id for _ in range(5)] == list("12345")
