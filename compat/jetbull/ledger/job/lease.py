"""A job somebody runs: the fenced, renewable claim on it.

The lease is the stored `active` message itself, a schedule due at the lock's expiry. Whoever holds
it knows the message's sequence; every step is refused by the server once another has been stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jetbull.errors import AckTimeout, Conflict, JetbullError, StoreError, StreamMissing
from jetbull.ledger.job.moving import move, stored_as, transition
from jetbull.ledger.job.patches import patched
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import (
    ACTIVE,
    COMPLETED,
    FAILED,
    GONE,
    LINE,
    PRIO,
    WAIT,
    lane_of,
    state_of,
)
from jetbull.ledger.messages.placing import Place, active, reprioritized
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.messages.templates import outcome_values
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Msg

_ENDS = frozenset({COMPLETED, FAILED, GONE})


class LeaseLost(JetbullError):
    """The lock expired or another worker holds the job: its outcome may not be stored."""


class Lease:
    """The right to finish one job."""

    __slots__ = (
        "_base",
        "_busy",
        "_stored",
        "_waiting",
        "acked",
        "ended",
        "followed",
        "job_id",
        "lock_ms",
        "on_sent",
        "record",
        "returns",
        "runs",
        "store",
        "ticket",
        "token",
        "until_ms",
    )

    def __init__(
        self, store: QueueStore, job_id: str, stored: Stored, token: str, lock_ms: int
    ) -> None:
        self.store = store
        self.job_id = job_id
        self.record = stored.record
        self.token = token
        self.lock_ms = lock_ms
        self.acked: asyncio.Future[Msg] | None = None
        self.ticket: Stored | None = None
        self.ended = False
        self.followed = False
        self.on_sent: Callable[[], bool] | None = None
        self.returns: int | None = None  # to the line, of this priority level (0: without any)
        self.runs = False  # the processor is at work
        self.until_ms = 0  # so long nobody else can have taken the job, as far as is known
        self._stored = stored
        self._base = stored.record
        self._busy = False
        self._waiting: list[asyncio.Future[None]] | None = None

    async def update(self, change: Callable[[Record], None] | None = None) -> None:
        """Renews the lock and, with `change`, rewrites the record in the same message.

        Of a job that has ended meanwhile there is nothing to renew.
        """
        if self._busy:
            await self._turn()
        self._busy = True
        try:
            if self.ended and change is None:
                return
            while True:
                record = self.record.copy()
                if change is not None:
                    change(record)
                place = active(now_ms() + self.lock_ms, lane_of(self._stored.subject))
                message = transition(self.store.names, self.job_id, self._stored, record, place)
                try:
                    seq = await self.store.put(message.subject, message.payload, message.headers)
                except Conflict:
                    pass
                else:
                    self.record = record
                    self._stored = Stored(message.subject, seq, record)
                    self.until_ms = place.due_ms
                    return
                await self._reload()
        finally:
            self._pass_on()

    async def holds(self) -> bool:
        """Whether the job is still this holder's, as far as is known. A lock whose time is over is
        renewed.
        """
        if now_ms() < self.until_ms:
            return True
        try:
            await self.update()
        except LeaseLost:
            return False
        except (AckTimeout, StoreError):
            pass  # nobody else can take the job either
        return True

    def draft(self, head: dict[str, Any]) -> Record:
        """The record as it is to be behind this try, for `leave`, which takes in what is written to
        the job until then.
        """
        self._base = self.record
        return self.record.with_head(head)

    async def leave(
        self,
        record: Record,
        place: Place,
        on_stored: Callable[[int], None] | None = None,
        adopted: Callable[[], Place] | None = None,
    ) -> Stored:
        """Stores the outcome and ends the lease in one message; `LeaseLost` when too late.

        `record` is the last `draft`. What was set as `on_sent` runs once, when that message is on
        its way; `followed` is its answer: whether the slot claimed another job right behind. A job
        that was given a parent meanwhile goes to the `adopted` place instead, and `on_stored` does
        not run.
        """
        alone = not record.given.get("parent")
        if self._busy:
            await self._turn()
        self._busy = True
        behind = self.record is not self._base  # it was written to while others had their turn
        try:
            while True:
                if behind:  # progress or data, say: that is kept
                    record = _merge(record, self.record)
                    place = reprioritized(place, record.priority)
                    if alone and adopted is not None and record.given.get("parent"):
                        place, on_stored, alone = adopted(), None, False
                self.returns = int(place.level or 0) if place.state in LINE else None
                if place.state in (WAIT, PRIO) or (place.state == GONE and not self._ack_is_ahead):
                    await self._clear()
                stored: Stored | None = None
                repeated = False
                try:
                    stored = await self._move(record, place, on_stored)
                except Conflict as rival:
                    repeated = rival.repeated
                if repeated and await self._came_and_went(place):
                    if on_stored is not None:
                        on_stored(0)
                    subject = self.store.names.job(place.state, self.job_id, place.lane)
                    stored = Stored(subject, 0, record)
                if stored is not None:
                    self.ended = True
                    if self.ticket is not None and place.state == GONE:
                        await self._clear()
                    return stored
                await self._reload()
                behind = True
        finally:
            self._pass_on()

    def _sent(self) -> None:
        on_sent, self.on_sent = self.on_sent, None
        if on_sent is not None:
            self.followed = on_sent()

    async def _turn(self) -> None:
        """Waits until no other step of this job is under way."""
        # An asyncio.Lock costs each job a microsecond and a half, and hardly any job needs one.
        if self._waiting is None:
            self._waiting = []
        while self._busy:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done():
                    self._wake_next()
                raise

    def _pass_on(self) -> None:
        self._busy = False
        if self._waiting:
            self._wake_next()

    def _wake_next(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return

    async def _move(
        self, record: Record, place: Place, on_stored: Callable[[int], None] | None
    ) -> Stored:
        store, job_id = self.store, self.job_id
        template = store.templates.outcomes.get(place.state)
        held_up = store.patched or store.wire.crowded or store.event_log.crowded
        if template is None or place.lane != "-" or held_up:
            old = self._stored
            return await move(store, job_id, old, record, place, on_stored, on_sent=self._sent)
        payload = stored_as(record, place).encode()
        _, _, _, _, lane, token = self._stored.subject.split(".")
        bare = token.encode()
        values = outcome_values(lane.encode(), bare, self._stored.seq)
        try:
            answer = store.grouping.post(template, bare, values, payload, on_stored)
            self._sent()
            store.wire.hurry()
            seq = await answer
        except (AckTimeout, StreamMissing) as error:
            unheard = error
        else:
            return Stored(store.names.subject(place.state, token), seq, record)
        m = transition(store.names, job_id, self._stored, record, place)
        seq = await store.insist(m.subject, m.payload, m.headers, unheard, on_stored)
        return Stored(store.names.subject(place.state, token), seq, record)

    @property
    def _ack_is_ahead(self) -> bool:
        """Whether the server has, or gets, the ticket's acknowledgement before what is sent now.

        Then the outcome need not wait for the answer: until that is here, the tombstone speaks.
        """
        stalled = self.record.head.get("stalledCounter")
        return self.acked is not None and not stalled and not _failed(self.acked)

    async def _clear(self) -> None:
        """Makes sure that no ticket of this try is left.

        Once the job is removed, and its tombstone too, nothing would tell a ticket whose ack was
        lost from a new job; and the next ticket must not overwrite it (see `placing.active`).
        """
        acked, self.acked = self.acked, None
        if acked is not None:
            try:
                await acked
            except (AckTimeout, StoreError):
                pass
            else:
                self.ticket = None
        if self.record.head.get("stalledCounter"):
            await self.store.purge(self.store.names.any_state(self.job_id), seq=self._stored.seq)
        elif self.ticket is not None:
            await self.store.purge(self.ticket.subject, seq=self.ticket.seq + 1)
        self.ticket = None

    async def _came_and_went(self, place: Place) -> bool:
        """Whether an outcome that was sent again had been stored, and the job is not kept any more.

        While the lock holds, nobody else can have ended the job.
        """
        if place.state not in _ENDS or place.lane != "-" or now_ms() >= self.until_ms:
            return False
        newest = await self.store.newest(self.job_id)
        return newest is None or not Record.read(newest.data).same_job(self.record)

    async def _reload(self) -> None:
        newest = await self.store.newest(self.job_id)
        stored = None if newest is None else as_stored(newest)
        if stored is None or state_of(stored.subject) != ACTIVE:
            raise LeaseLost(f"The lock of job {self.job_id} expired or was taken over.")
        if stored.record.head.get("token") != self.token:
            raise LeaseLost(f"Job {self.job_id} is held by another worker.")
        record = stored.record
        if self.store.may_be_patched:
            record = await patched(self.store, self.job_id, stored)
        self._stored = stored
        self.record = record


def _failed(answer: asyncio.Future[Msg]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


def _merge(outcome: Record, stored: Record) -> Record:
    head = {k: v for k, v in outcome.head.items() if k != "priority"}
    for key in (
        "progress",
        "progress@",
        "priority",
        "orphaned",
        *(() if "finishedOn" in head else ("deferredFailure",)),
    ):
        if key in stored.head:
            head[key] = stored.head[key]
    return stored.with_head(head)


__all__ = ["Lease", "LeaseLost"]
