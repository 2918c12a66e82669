"""The reader of the NATS protocol, however the bytes arrive."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jetbull.ledger.wire import Client
from jetbull.ledger.wire.parser import FastParser

Got = tuple[bytes, bytes, bytes, bytes | None]

SUBJECTS = st.sampled_from([b"a", b"jb.p.q.wait.-.7"])
REPLIES = st.sampled_from([b"", b"$JS.ACK.x.y.1"])
BLOCKS = st.sampled_from([None, b"NATS/1.0 404 No Messages\r\n\r\n", b"NATS/1.0\r\nA: b\r\n\r\n"])
MESSAGES = st.tuples(SUBJECTS, REPLIES, st.binary(max_size=60), BLOCKS)


def on_the_wire(message: Got) -> bytes:
    subject, reply, data, block = message
    middle = b" 1 " + (reply + b" " if reply else b"")
    if block is None:
        return b"MSG %b%b%d\r\n%b\r\n" % (subject, middle, len(data), data)
    size = len(block)
    head = b"HMSG %b%b%d %d\r\n" % (subject, middle, size, size + len(data))
    return b"%b%b%b\r\n" % (head, block, data)


@given(messages=st.lists(MESSAGES, max_size=6), cuts=st.lists(st.integers(0, 600), max_size=8))
def test_every_message_arrives_whole_wherever_the_chunks_end(
    messages: list[Got], cuts: list[int]
) -> None:
    # Other commands stand between them, as they do in life.
    stream = b"+OK\r\n".join(on_the_wire(m) for m in messages) + b"PING\r\n"
    places = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    chunks = [stream[a:b] for a, b in pairwise(places)]
    got: list[Got] = []

    async def read() -> int:
        client = Client()
        client.handlers[1] = lambda *message: got.append(message)
        pings = 0

        async def ping() -> None:
            nonlocal pings
            pings += 1

        client._process_ping = ping  # type: ignore[method-assign]
        parser = FastParser(client)
        for chunk in chunks:
            await parser.parse(chunk)
        return pings

    assert asyncio.run(read()) == 1
    assert got == messages


def test_a_listener_that_fails_does_not_stop_the_reader() -> None:
    got: list[bytes] = []

    def listener(subject: bytes, reply: bytes, data: bytes, block: bytes | None) -> None:
        if data == b"bad":
            raise ValueError(data)
        got.append(data)

    async def read() -> None:
        client = Client()
        client.handlers[1] = listener
        await FastParser(client).parse(b"MSG a 1 3\r\nbad\r\nMSG a 1 4\r\ngood\r\n")

    asyncio.run(read())
    assert got == [b"good"]
