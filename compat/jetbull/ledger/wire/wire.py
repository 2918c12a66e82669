"""The way to the server as a whole: what `sending` tells, and here questions and reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, time
from typing import Any, TypeVar

from jetbull.errors import AckTimeout, StreamMissing
from jetbull.ledger.messages import clock
from jetbull.ledger.wire.answering import ACK_TIMEOUT
from jetbull.ledger.wire.refusals import store_error
from jetbull.ledger.wire.replies import (
    ForAnswer,
    ForEach,
    ForMany,
    ForPicks,
    Msg,
    read_one,
)
from jetbull.ledger.wire.sending import Sending
from jetbull.ledger.wire.stored import Headers, StoredMessage, stored_by_leader

Pick = TypeVar("Pick")

READ_PATIENCE = 30.0  # seconds a reader waits for a server that is away
_AT_ONCE = 500  # of such questions; a busy server answers so many well within ACK_TIMEOUT
_DIRECT = "$JS.API.DIRECT.GET."
NO_MESSAGE = 10037
NO_LEADER = 10008
_ELECTION_SECONDS = 0.1  # between questions to servers that have no leader
_FEW_SUBJECTS = 8
_MAX_BYTES = 4 * 1024 * 1024  # of one answer about more subjects than that


class Wire(Sending):
    """The ledger's way to the server; `open` makes one."""

    def __init__(self, servers: list[str], options: dict[str, Any]) -> None:
        super().__init__(servers, options)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._met = False  # whether JetStream ever answered a question

    @classmethod
    async def open(cls, servers: list[str], **options: Any) -> Wire:
        """Connects; one sentence when no server is there or it cannot do what is needed."""
        wire = cls(servers, options)
        await wire._connect()
        return wire

    async def request(
        self, subject: str, payload: bytes = b"", timeout: float = ACK_TIMEOUT
    ) -> Msg:
        """One question, one raw answer. `StreamMissing` when nobody listens."""
        waiter = ForAnswer(monotonic() + timeout)
        self._ask(subject, payload, None, waiter)
        self.hurry()
        answer: Msg = await waiter.future
        return answer

    async def question(
        self, subject: str, payload: bytes = b"", headers: Headers | None = None
    ) -> asyncio.Future[Msg]:
        """Like `request`, but the caller decides when to wait."""
        waiter = ForAnswer(monotonic() + ACK_TIMEOUT)
        self._ask(subject, payload, headers, waiter)
        return waiter.future

    async def _read(
        self, subject: str, payload: bytes, make: Callable[[], ForAnswer | ForMany | ForPicks]
    ) -> Any:
        def ask() -> asyncio.Future[Any]:
            waiter = make()
            self._ask(subject, payload, None, waiter)
            return waiter.future

        return await self._insist(ask, subject)

    async def _insist(self, ask: Callable[[], asyncio.Future[Any]], subject: str) -> Any:
        """Asks again when the answer was lost, or while JetStream does not listen (a server that
        shuts down, one that recovers, an election); for what may be asked twice.

        Not what the server has forbidden: it will not answer the next time either. Of thousands of
        questions at once the last ones wait here: at the server their time would run out.
        """
        deadline = monotonic() + READ_PATIENCE  # for those that wait here as well
        await self._turns.acquire()
        try:
            while True:
                is_missing = False
                left = 0.0
                try:
                    answer = ask()
                    self.hurry()
                    found = await answer
                except AckTimeout:
                    left = deadline - monotonic()
                    # A timeout of the past does not stop what has not to wait.
                    if left <= 0 or subject.lower() in self._forbidden:
                        raise
                except StreamMissing:
                    left = deadline - monotonic()
                    if left <= 0 or not self._met:
                        raise
                    is_missing = True
                else:
                    self._met = True
                    return found
                if is_missing:
                    code = await self._lost(subject)
                    if code:
                        raise StreamMissing(f"There is no stream {subject[len(_DIRECT) :]}.", code)
                    await asyncio.sleep(_ELECTION_SECONDS)
                try:
                    async with asyncio.timeout(left):
                        await self.connected()
                except TimeoutError:
                    raise AckTimeout(
                        f"The NATS server at {self._url} did not answer in time.{self._hindrance}"
                    ) from None
        finally:
            self._turns.release()

    async def _lost(self, subject: str) -> int:
        """JetStream's word, if it is there, that it has no stream such as a question is about."""
        stream = subject.removeprefix(_DIRECT)
        if stream == subject:
            return 0
        try:
            told = await (await self.question(f"$JS.API.STREAM.INFO.{stream}"))
        except (AckTimeout, StreamMissing):
            return 0
        error = store_error(json.loads(told.data).get("error") or {})
        return error.code if isinstance(error, StreamMissing) else 0

    async def api(
        self, verb: str, body: Mapping[str, Any] | None = None, timeout: float = ACK_TIMEOUT
    ) -> dict[str, Any]:
        """A JetStream API call; raises for an error answer.

        Repeated when the answer is lost, or when servers that elect a leader have none.
        """
        payload = json.dumps(body).encode() if body is not None else b""
        asked = clock.asking()

        def make() -> ForAnswer:
            nonlocal asked
            asked = clock.asking()
            return ForAnswer(monotonic() + timeout)

        deadline = monotonic() + READ_PATIENCE
        while True:
            msg = await self._read(f"$JS.API.{verb}", payload, make)
            answer: dict[str, Any] = json.loads(msg.data)
            if "error" not in answer:
                break
            error = store_error(answer["error"])
            if error.code != NO_LEADER or monotonic() > deadline:
                raise error
            await asyncio.sleep(_ELECTION_SECONDS)
        if "ts" in answer:
            clock.observe(answer["ts"], asked, time())
        return answer

    async def get_batch(self, stream: str, query: Mapping[str, Any]) -> list[StoredMessage]:
        """A multi-answer direct get (ADR-31); an empty list when nothing matches.

        Of `multi_last` all that match, however large they are: what changed meanwhile may be there
        twice, as it was and, behind, as it is.
        """
        if len(query.get("multi_last", ())) > _FEW_SUBJECTS:
            query = {**query, "max_bytes": _MAX_BYTES}
        found, left = await self._get_batch(stream, query)
        while left and "multi_last" in query:  # the server ends an answer at some size
            rest = {**query, "seq": found[-1].seq + 1}
            more, left = await self._get_batch(stream, rest)
            if not more:
                break
            found += more
        return found

    async def _get_batch(
        self, stream: str, query: Mapping[str, Any]
    ) -> tuple[list[StoredMessage], int]:
        found: tuple[list[StoredMessage], int] = await self._read(
            f"{_DIRECT}{stream}",
            json.dumps(query).encode(),
            lambda: ForMany(monotonic() + ACK_TIMEOUT),
        )
        return found

    def ask_one(self, stream: str, query: Mapping[str, Any]) -> asyncio.Future[Msg]:
        """As `get_one`, sent at once and not repeated: `AckTimeout` when the answer is lost."""
        waiter = ForAnswer(monotonic() + ACK_TIMEOUT)
        self._ask(f"{_DIRECT}{stream}", json.dumps(query).encode(), None, waiter)
        future: asyncio.Future[Msg] = waiter.future
        return future

    async def get_picks(
        self, stream: str, query: Mapping[str, Any], pick: Callable[[int, bytes], Pick]
    ) -> tuple[list[Pick], int]:
        """As `get_batch`, of many messages only what `pick(sequence, data)` makes of each.

        Also how many more there are of what was asked for.
        """
        found: tuple[list[Pick], int] = await self._read(
            f"{_DIRECT}{stream}",
            json.dumps(query).encode(),
            lambda: ForPicks(monotonic(), ACK_TIMEOUT, pick),
        )
        return found

    async def get_one(self, stream: str, query: Mapping[str, Any]) -> StoredMessage | None:
        """A single direct get (`last_by_subj`, `next_by_subj`, `seq`)."""
        msg = await self._read(
            f"{_DIRECT}{stream}",
            json.dumps(query).encode(),
            lambda: ForAnswer(monotonic() + ACK_TIMEOUT),
        )
        return self.read_one(msg)

    async def get_each(self, stream: str, seqs: Sequence[int]) -> list[StoredMessage | None]:
        """The messages that have these sequences, in their order: single direct gets, all at once.

        The server answers them without counting. How many it may be `singles` knows.
        """
        subject = f"{_DIRECT}{stream}"

        def ask() -> asyncio.Future[Any]:
            waiter = ForEach(monotonic() + ACK_TIMEOUT, len(seqs))
            for seq, part in zip(seqs, waiter.parts(), strict=True):
                self._ask(subject, b'{"seq":%d}' % seq, None, part)
            return waiter.future

        found: list[StoredMessage | None] = await self._insist(ask, subject) if seqs else []
        return found

    @staticmethod
    def read_one(msg: Msg) -> StoredMessage | None:
        """What the answer to `ask_one` holds."""
        return read_one(msg.data, msg.block)

    async def get_last(self, stream: str, subject: str) -> StoredMessage | None:
        """The newest message on `subject` (wildcards allowed), as the stream's leader knows it.

        In a cluster, direct gets may be answered by a replica that is behind; where a decision
        rests on having seen one's own write, ask here.
        """
        return await self._by_leader(stream, {"last_by_subj": subject})

    async def get_at(self, stream: str, seq: int) -> StoredMessage | None:
        """The message with that sequence, as the stream's leader knows it."""
        return await self._by_leader(stream, {"seq": seq})

    async def get_next(self, stream: str, subject: str, seq: int) -> StoredMessage | None:
        """The first message on `subject` (wildcards allowed) from `seq` on, as the leader knows it.

        What lies far behind `seq` costs time: the server looks through all between.
        """
        return await self._by_leader(stream, {"next_by_subj": subject, "seq": seq})

    async def _by_leader(self, stream: str, query: Mapping[str, Any]) -> StoredMessage | None:
        if not self.is_clustered:  # there is one copy, and a direct get costs half
            return await self.get_one(stream, query)
        try:
            answer = await self.api(f"STREAM.MSG.GET.{stream}", query)
        except StreamMissing as error:
            if error.code == NO_MESSAGE:
                return None
            raise
        return stored_by_leader(answer["message"])


__all__ = ["Wire"]
