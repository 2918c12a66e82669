"""Messages reach plain listeners from the socket itself, all others by nats-py's reader."""

from __future__ import annotations

import asyncio
import random

from jetbull.ledger.wire import Wire
from jetbull.ledger.wire.replies import Msg

_MANY = 1500


async def test_both_kinds_of_listeners_get_every_message_in_order(nats_url: str) -> None:
    dice = random.Random(7)
    sender, receiver = await Wire.open([nats_url]), await Wire.open([nats_url])
    plain: list[tuple[int, int]] = []
    awaited: list[tuple[int, int]] = []
    all_there = asyncio.Event()

    def look() -> None:
        if len(plain) == len(awaited) == _MANY:
            all_there.set()

    def listen(subject: bytes, reply: bytes, data: bytes, block: bytes | None) -> None:
        plain.append((int(data[:8]), len(data)))
        look()

    async def hear(msg: Msg) -> None:
        awaited.append((int(msg.data[:8]), len(msg.data)))
        look()

    await receiver.subscribe("plain", listen)
    await receiver.subscribe("awaited", hear)
    await receiver.api("INFO")  # the subscriptions are made
    sizes = [dice.choice((8, 8, 8, 500, 40_000)) for _ in range(2 * _MANY)]
    sent: dict[str, list[tuple[int, int]]] = {"plain": [], "awaited": []}
    for number, size in enumerate(sizes):
        subject = "plain" if number % 2 else "awaited"
        headers = {"A": "b"} if dice.random() < 0.5 else None
        sent[subject].append((number, size))
        await sender.send(subject, b"%08d" % number + b"x" * (size - 8), headers=headers)
    async with asyncio.timeout(60):
        await all_there.wait()
    assert plain == sent["plain"]
    assert awaited == sent["awaited"]
    await sender.close()
    await receiver.close()


async def test_answers_come_while_the_reader_has_other_things_to_read(nats_url: str) -> None:
    wire = await Wire.open([nats_url])
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(msg: Msg) -> None:
        heard.put_nowait(msg.data)

    await wire.subscribe("topic", hear)
    for number in range(200):
        await wire.send("topic", b"%d" % number)
        answer = await wire.api("INFO")
        assert "limits" in answer
        assert await heard.get() == b"%d" % number
    await wire.close()
