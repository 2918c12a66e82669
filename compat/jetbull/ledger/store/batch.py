"""All-or-nothing storing of several messages (JetStream atomic batches, ADR-50).

How many a batch may hold is the server's setting (`jetstream.limits.batch.max_msgs`): 1,000 unless
told otherwise; `jetbull server` allows a million. It is learnt by asking: message 1,001 of the
first large batch wants an answer, and the server's refusal names the limit.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

from jetbull.errors import AckTimeout, BatchTooLarge, Conflict, StoreError, StreamMissing
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import HeaderMap
from jetbull.ledger.store.unconfirmed import IsGone
from jetbull.ledger.wire import Wire
from jetbull.ledger.wire.refusals import store_error

PATIENCE = 30.0  # seconds a caller waits for a server that is away
_MOST = 1_000_000  # messages
MARGIN_MS = 5_000  # for clocks that differ from the server's
_INCOMPLETE = 10176  # messages of the batch are missing
_TOO_LARGE = 10199
_NO_ROOM = 10023
_DOUBT = "The jobs may or may not be stored."
_BATCH_HEADERS = ("Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit")
_COMMIT_SECONDS = 20.0
_A_SECOND = 20_000  # messages the server stores in a second, at the least
_SILENT_SECONDS = 1.0  # without an answer, until it is looked whether one is to come
_NEVER = str(2**62)  # a sequence that no message has
_AGAIN_SECONDS = 0.05
_TURN = 1000  # messages until others have their turn
_AT_ONCE = 64  # taken back
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"


@dataclass(slots=True)
class Message:
    """One message of a batch or a single transition."""

    subject: str
    payload: bytes
    headers: HeaderMap = field(default_factory=dict)


def unbatched(headers: HeaderMap) -> HeaderMap:
    """Headers without those of a batch in which they were sent before."""
    return {k: v for k, v in headers.items() if k not in _BATCH_HEADERS}


def most_in_batch(wire: Wire) -> int:
    """How many messages may be tried in one batch, as far as is known."""
    return _MOST if wire.batch_limit is None else wire.batch_limit


async def commit(
    wire: Wire,
    stream: str,
    messages: Sequence[Message],
    patience: float = PATIENCE,
    is_gone: IsGone | None = None,
) -> int:
    """Stores all of them or none; the sequence of the last one.

    `Conflict` when any guard failed. A batch whose answer was lost is looked for before it is
    sent again, so it is stored once; if it is not there any more, the conflict is marked
    `repeated`, or the answer is 0 where `is_gone` knows that the last job came and went.
    BatchTooLarge when the server takes fewer messages: `most_in_batch` knows how many from then on.
    AckTimeout when the server stayed away for `patience` seconds.
    """
    deadline = monotonic() + patience
    sent_ms = now_ms() - MARGIN_MS
    repeated = False
    tries: set[str] = set()  # the batches in which it was sent
    while True:
        try:
            return await _send(wire, messages, tries)
        except Conflict as rival:
            if repeated and is_gone is not None and await is_gone(sent_ms):
                return 0
            if not (repeated and rival.is_open):
                rival.repeated = repeated
                raise
            if monotonic() > deadline:
                raise _stayed_away(wire, patience) from rival
            await asyncio.sleep(_AGAIN_SECONDS)  # it may be the first copy
        except AckTimeout:
            repeated = True
            if monotonic() > deadline:
                raise
            await _await_server(wire, deadline, patience)
            last = messages[-1]
            stored = await wire.get_last(stream, last.subject)
            if stored is not None and stored.data == last.payload:
                return stored.seq
            if is_gone is not None and await is_gone(sent_ms):
                return 0
        except BatchTooLarge:
            raise
        except StreamMissing as missing:
            if monotonic() > deadline:
                if repeated:
                    raise AckTimeout(f"{missing} {_DOUBT}") from missing
                raise
            # Nobody listens while servers elect a leader: told when there is one, or no stream.
            await wire.get_last(stream, messages[-1].subject)
            await asyncio.sleep(_AGAIN_SECONDS)
        except StoreError as error:
            if error.code == _NO_ROOM and len(messages) > 1:
                await _take_back(wire, stream, messages, tries)
            if error.code != _INCOMPLETE or monotonic() > deadline:
                raise  # a batch torn by a reconnect was not stored: send it again


async def _await_server(wire: Wire, deadline: float, patience: float) -> None:
    try:
        async with asyncio.timeout(deadline - monotonic()):
            await wire.connected()
    except TimeoutError:
        raise _stayed_away(wire, patience) from None


def _stayed_away(wire: Wire, patience: float) -> AckTimeout:
    return AckTimeout(f"The NATS server at {wire.url} stayed away for {patience:g} s. {_DOUBT}")


async def _send(wire: Wire, messages: Sequence[Message], tries: set[str]) -> int:
    if len(messages) == 1:
        only = messages[0]
        return await (await wire.post(only.subject, only.payload, unbatched(only.headers)))
    if len(messages) > most_in_batch(wire):
        raise BatchTooLarge(f"A batch of {len(messages)} messages is too large for the server.")
    batch, count = uuid4().hex, len(messages)
    tries.add(batch)
    async with wire.batch_slots:
        for number, message in enumerate(messages, 1):
            message.headers["Nats-Batch-Id"] = batch
            message.headers["Nats-Batch-Sequence"] = str(number)
            message.headers.pop("Nats-Batch-Commit", None)
            if number == count:
                break
            if number == wire.batch_proven + 1:
                await _ask(wire, message)
                continue
            if number % _TURN == 0:
                await asyncio.sleep(0)
            if wire.crowded:
                await wire.room()
            wire.send_now(message.subject, message.payload, "", message.headers)
        last = messages[-1]
        last.headers["Nats-Batch-Commit"] = "1"
        timeout = _COMMIT_SECONDS + count / _A_SECOND
        try:
            answer = await wire.post(last.subject, last.payload, last.headers, timeout=timeout)
            seq = await _unless_torn(wire, last.subject, answer, count)
        except StoreError as error:
            _learn(wire, error)
            raise
        wire.batch_proven = max(wire.batch_proven, count)
        return seq


async def _unless_torn(wire: Wire, subject: str, answer: asyncio.Future[int], count: int) -> int:
    """The answer to a commit; AckTimeout when the server has passed over it.

    nats-server 2.15 says nothing when it finds no room for a message in the midst of a batch. What
    is sent behind the commit is answered behind it: a message that cannot be stored shows that.
    """
    silent = _SILENT_SECONDS + count / _A_SECOND
    try:
        await asyncio.wait([answer], timeout=silent)
        if not answer.done() and await is_awake(wire, subject):
            await asyncio.wait([answer], timeout=silent)  # servers of a cluster take their time
            if not answer.done():
                raise AckTimeout(f"The NATS server at {wire.url} passed over a batch.")
        return await answer
    finally:
        answer.cancel()


async def is_awake(wire: Wire, subject: str) -> bool:
    """Whether the server answers who wants to store something there; nothing is stored."""
    headers = {_EXPECTED: _NEVER, f"{_EXPECTED}-Subject": subject}
    try:
        await (await wire.question(subject, b"", headers))
    except (AckTimeout, StreamMissing):
        return False
    return True


async def _take_back(wire: Wire, stream: str, messages: Sequence[Message], tries: set[str]) -> None:
    """Removes what the server stored of these batches before it found no room for the rest.

    nats-server 2.15 looks for room message by message, also within a batch. What took the place of
    something else stays, for that is gone.
    """
    new = [message for message in messages if message.headers.get(_EXPECTED) == "0"]
    for start in range(0, len(new), _AT_ONCE):
        some = new[start : start + _AT_ONCE]
        await asyncio.gather(*(_remove(wire, stream, message, tries) for message in some))


async def _remove(wire: Wire, stream: str, message: Message, tries: set[str]) -> None:
    stored = await wire.get_last(stream, message.subject)
    if stored is not None and stored.headers.get("Nats-Batch-Id") in tries:
        body = {"filter": message.subject, "seq": stored.seq + 1}
        await wire.api(f"STREAM.PURGE.{stream}", body)


async def _ask(wire: Wire, message: Message) -> None:
    """Sends a message of a batch and waits for the server's word: it may be one too many."""
    answer = await (await wire.question(message.subject, message.payload, message.headers))
    if answer.data:
        error = store_error(json.loads(answer.data).get("error", {}))
        _learn(wire, error)
        raise error


def _learn(wire: Wire, error: StoreError) -> None:
    """BatchTooLarge, and how many messages there may be, if the error is about that."""
    if error.code == _TOO_LARGE:
        named = re.search(r"(\d+) \(", str(error))
        wire.batch_limit = wire.batch_proven = int(named.group(1)) if named else 1000
        raise BatchTooLarge(str(error), error.code) from error


__all__ = [
    "MARGIN_MS",
    "PATIENCE",
    "Message",
    "commit",
    "is_awake",
    "most_in_batch",
    "unbatched",
]
