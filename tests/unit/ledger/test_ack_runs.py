"""Acknowledgements that stand one behind the other are read without the general way."""

from __future__ import annotations

import asyncio

from jetbull.errors import Conflict, StreamMissing
from jetbull.ledger.messages.guard import HeaderMap, expect
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import Wire

_MANY = 300


async def test_each_of_many_answers_reaches_the_one_who_asked(nats_url: str) -> None:
    wire, space = await Wire.open([nats_url]), Space("runs")
    await ensure_streams(wire, space)
    names = space.queue("q")
    stored: list[int] = []
    answers: list[asyncio.Future[int]] = []
    for number in range(_MANY):
        headers: HeaderMap = {}
        if number % 10 == 9:  # nothing is stored there: refused
            expect(headers, names.any_state(f"other-{number}"), 1)
        if number % 25 == 24:  # nobody listens there
            answers.append(wire.post_now("nowhere", b"{}"))
        answers.append(wire.post_now(names.job("wait", str(number)), b"{}", headers, stored.append))
    got = await asyncio.gather(*answers, return_exceptions=True)
    kept = [answer for answer in got if isinstance(answer, int)]
    assert kept == stored == list(range(1, len(kept) + 1))
    assert sum(isinstance(answer, Conflict) for answer in got) == _MANY // 10
    assert sum(isinstance(answer, StreamMissing) for answer in got) == _MANY // 25
    assert len(got) == len(kept) + _MANY // 10 + _MANY // 25
    await wire.close()


async def test_one_whose_listener_fails_does_not_hold_up_the_others(nats_url: str) -> None:
    wire, space = await Wire.open([nats_url]), Space("fails")
    await ensure_streams(wire, space)
    names = space.queue("q")

    def fail(seq: int) -> None:
        raise ValueError(seq)

    answers = [
        wire.post_now(names.job("wait", str(n)), b"{}", {}, fail if n % 3 == 1 else None)
        for n in range(30)
    ]
    assert await asyncio.gather(*answers) == list(range(1, 31))
    assert wire.unanswered == 0
    await wire.close()
