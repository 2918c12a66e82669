"""Claiming a waiting job: one message, fenced by the ticket's sequence.

A claim may be sent right behind the outcome of the job before it (`Lease.on_sent`), so a slot waits
for one round trip per job and not for two. The server stores both in that order: at no moment are
more jobs active than the worker has slots.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import suppress

from jetbull.errors import AckTimeout, Conflict, JetbullError, StoreError, StreamMissing
from jetbull.ledger.job import late
from jetbull.ledger.job.lease import Lease, LeaseLost
from jetbull.ledger.job.moving import NO_SCHEDULE, move, transition
from jetbull.ledger.job.patches import fold, read_patches
from jetbull.ledger.job.reading import as_stored
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import ACTIVE, HEAD, bare_token, is_schedule, lane_of, state_of
from jetbull.ledger.messages.placing import Place, active, turn
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.messages.templates import claim_values, head_claim_values
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import Msg, StoredMessage

log = logging.getLogger("jetbull.ledger")

OnStored = Callable[[int], None]
_SOON = b'-NAK {"delay": 50000000}'
_FRESH = 0.75  # of a lock's time: whoever runs the job renews it soon enough
_REMOVED = re.compile(rb'"removeOnComplete":(true|0[,}]|\{"count":0[,}])')


class Claim:
    """A ticket being claimed; `lease` sends the claim, unless `send` did, and tells how it went.

    `record` is the job's: once the claim is sent, as it is while the job runs.
    """

    __slots__ = (
        "_answer",
        "_due_ms",
        "_lock_ms",
        "_on_stored",
        "_patch",
        "_payload",
        "_token",
        "_worker",
        "job_id",
        "record",
        "ticket",
    )

    def __init__(
        self,
        job_id: str,
        ticket: Ticket,
        token: str,
        lock_ms: int,
        worker: str | None,
        on_stored: OnStored | None,
    ) -> None:
        self.job_id = job_id
        self.ticket = ticket
        self.record = ticket.stored.record
        self._token = token
        self._lock_ms = lock_ms
        self._worker = worker
        self._on_stored = on_stored
        self._due_ms = 0
        self._payload = b""
        self._patch = 0  # sequence of the patch that is in the record
        self._answer: asyncio.Future[int] | None = None

    def send(self, store: QueueStore) -> None:
        """Sends the claim of a waiting job or one at the head now, if the queue has no patches.

        What goes wrong is told by `lease`.
        """
        self._start()
        stored = self.ticket.stored
        token = bare_token(stored.subject).encode()
        template = store.templates.claim
        if not self.ticket.reply and state_of(stored.subject) == HEAD:
            template = store.templates.claim_head
            lane = lane_of(stored.subject).encode()
            values = head_claim_values(lane, token, stored.seq, self._due_ms)
        else:
            values = claim_values(token, stored.seq, self._due_ms)
        try:
            self._answer = store.grouping.post(
                template, token, values, self._payload, self._on_stored
            )
        except JetbullError as error:
            self._answer = asyncio.get_running_loop().create_future()
            self._answer.set_exception(error)

    def abandon(self) -> None:
        """Nobody will ask for the lease: should the claim succeed, its lock expires."""
        if self._answer is not None:
            self._answer.cancel()

    async def lease(self, store: QueueStore) -> Lease | None:
        """The lease; None when the ticket was stale: then it is dropped, if a consumer gave it.

        `Conflict` for a ticket no consumer gave, if its job has not moved on: try it again.
        """
        stored = self.ticket.stored
        if late.fired(stored) and await late.is_late(store, stored):
            await late.discard(store, stored)
            await self._drop(store, b"+ACK")
            return None
        usual = self.ticket.reply or self.ticket.contested
        if self._answer is None and usual and not store.may_be_patched:
            self.send(store)
        refusal: StoreError | None = None
        try:
            if self._answer is not None:
                store.wire.hurry()
                unheard: JetbullError | None = None
                try:
                    seq = await self._answer
                except (AckTimeout, StreamMissing) as error:
                    unheard = error
                if unheard is not None:
                    m = self._message(store)
                    told = (m.subject, m.payload, m.headers, unheard, self._on_stored)
                    seq = await store.insist(*told)
            else:
                seq = await self._stored(store)
        except StoreError as error:
            refusal = error
        if refusal is None:
            return await self._won(store, seq)
        return await self._refused(store, refusal)

    async def _refused(self, store: QueueStore, refusal: StoreError) -> Lease | None:
        """What becomes of a ticket whose claim was refused; see `lease`."""
        stored = self.ticket.stored
        if isinstance(refusal, Conflict):
            if self.ticket.contested:
                return None
            newest = await self._newest(store)
            if newest is not None and await late.stands_behind(store, newest, stored.seq):
                await late.discard(store, newest)
                self.record, self._answer = stored.record, None
                return await self.lease(store)  # given back, it would lose its place in the line
            # Only what was stored behind the ticket tells that the job has moved on. Refused while
            # nothing has: a cluster's new leader may have counted a message that was lost with the
            # old one, or not know the ticket yet. Acknowledged or removed, the job would be lost.
            moved_on = newest is not None and newest.seq > stored.seq
            if self.ticket.reply:
                await self._drop(store, b"+ACK" if moved_on else _SOON)
            elif not moved_on:
                raise refusal
            return None
        if refusal.code != NO_SCHEDULE:
            raise refusal
        # Another program put the job at the head, as a plain message.
        place = Place(HEAD, turn(lane_of(stored.subject)))
        with suppress(Conflict):
            await move(store, self.job_id, stored, stored.record, place)
        return None

    def _start(self) -> None:
        """The record as it is while the job runs."""
        now = now_ms()
        old = self.record.head
        head = {
            **old,
            "processedOn": now,
            "token": self._token,
            "attemptsStarted": old.get("attemptsStarted", 0) + 1 if old else 1,
            "after": self.ticket.stored.seq,
        }
        if old:
            head.pop("delay", None)
            head.pop("due", None)
        if self._worker:
            head["processedBy"] = self._worker
        self.record = self.record.with_head(head)
        self._payload = self.record.encode()
        self._due_ms = now + self._lock_ms

    def _message(self, store: QueueStore) -> Message:
        """The claim, made from its parts: for all but the usual case."""
        place = active(self._due_ms)
        return transition(store.names, self.job_id, self.ticket.stored, self.record, place)

    async def _stored(self, store: QueueStore) -> int:
        if store.may_be_patched:
            self._fold((await read_patches(store, [self.job_id])).get(self.job_id))
        self._start()
        m = self._message(store)
        return await store.put(m.subject, m.payload, m.headers, self._on_stored)

    def _fold(self, patch: StoredMessage | None) -> None:
        """The record as the ticket and its patch say it is."""
        stored = self.ticket.stored
        self.record = fold(stored.record, stored.seq, patch)
        self._patch = 0 if patch is None else patch.seq

    async def _catch_up(self, store: QueueStore, lease: Lease, seq: int) -> None:
        """Takes in a patch that was stored before the claim and after the look at patches."""
        subject = store.names.aux("patch", self.job_id)
        patch = await store.last(subject)
        if patch is None:
            return
        if max(self._patch, self.ticket.stored.seq) < patch.seq < seq:
            self._fold(patch)
            self._start()
            fresh = self.record

            def change(record: Record) -> None:
                record.head, record.fixed, record.data = dict(fresh.head), fresh.fixed, fresh.data

            await lease.update(change)
        await store.purge(subject, seq=seq)

    async def _clear_up(self, store: QueueStore, left: list[str]) -> None:
        """Removes messages the job had before, where whoever moved it died before doing so."""
        for place in left:
            state, lane = place.split(".")
            subject = store.names.job(state, self.job_id, lane)
            if await store.last(subject) is not None:
                await store.purge(subject, seq=self.ticket.stored.seq)

    async def _newest(self, store: QueueStore) -> Stored | None:
        newest = await store.newest(self.job_id)
        return None if newest is None else as_stored(newest)

    async def _drop(self, store: QueueStore, answer: bytes) -> None:
        if self.ticket.reply:
            await store.wire.send(self.ticket.reply, answer)

    async def _won(self, store: QueueStore, seq: int) -> Lease | None:
        """The lease, renewed if much of its time is over: the answer was late, or the slot was."""
        ticket, record = self.ticket, self.record
        stored = Stored(store.names.subject(ACTIVE, bare_token(ticket.stored.subject)), seq, record)
        lease = Lease(store, self.job_id, stored, self._token, self._lock_ms)
        lease.until_ms = self._due_ms
        # What a consumer gives is no schedule.
        if ticket.reply or not is_schedule(ticket.stored.subject):
            lease.ticket = ticket.stored
        try:
            if store.may_be_patched:
                await self._catch_up(store, lease, seq)
            if "left" in record.head:
                await self._clear_up(store, [str(place) for place in record.head["left"]])
            if ticket.reply and b'"removeOnComplete"' in record.fixed and _leaves_at_once(record):
                lease.acked = await store.wire.question(ticket.reply, b"+ACK")
                lease.acked.add_done_callback(_heard)
            elif ticket.reply:
                store.wire.ack(ticket.reply)
        except (AckTimeout, StoreError) as error:
            # The job is ours; what is left of its ticket is seen to when it ends.
            log.debug("ticket of job %s is left for now: %s", self.job_id, error)
        if self._due_ms - now_ms() < self._lock_ms * _FRESH:
            try:
                await lease.update()
            except LeaseLost:
                log.warning("the lock of job %s was over before it could begin", self.job_id)
                return None
        return lease


def _heard(answer: asyncio.Future[Msg]) -> None:
    """Whoever needs the answer looks at it; a lease that was lost does not."""
    if not answer.cancelled():
        answer.exception()


def _leaves_at_once(record: Record) -> bool:
    """Whether the job is removed when it completes: then its ticket has to be gone."""
    return _REMOVED.search(record.fixed) is not None


__all__ = ["Claim"]
