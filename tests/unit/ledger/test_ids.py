"""Numbers for jobs: each is given once, whoever asks meanwhile."""

from __future__ import annotations

import asyncio

import pytest

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
        assert {type(failure) for failure in failures} == {AckTimeout}
        server.start()
        await wire.connected()
        assert list(await source.take(2)) == [1, 2]
        await wire.close()
