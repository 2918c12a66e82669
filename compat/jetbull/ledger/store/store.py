"""One queue's place in the ledger: its connection, names, event log and id counter.

The verbs stand in the folders above (adding, taking, finishing, job …); each takes a `QueueStore`
as its first argument.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from time import monotonic
from typing import Any

from jetbull.errors import AckTimeout, Conflict, ServerUnavailable, StoreError, StreamMissing
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.guard import HeaderMap, same_guard
from jetbull.ledger.messages.names import HEAD, QueueNames
from jetbull.ledger.messages.templates import Templates
from jetbull.ledger.store.batch import MARGIN_MS, PATIENCE
from jetbull.ledger.store.due_order import DueOrder
from jetbull.ledger.store.grouping import Grouping
from jetbull.ledger.store.promoter import Promoter
from jetbull.ledger.store.reach import Reach
from jetbull.ledger.store.recent import Recent
from jetbull.ledger.store.rounds import Rounds
from jetbull.ledger.store.shared import Shared
from jetbull.ledger.store.turns import Turns
from jetbull.ledger.store.unconfirmed import IsGone, Unconfirmed
from jetbull.ledger.streams.events import Event, EventLog
from jetbull.ledger.streams.ids import IdSource
from jetbull.ledger.streams.streams import ensure_streams
from jetbull.ledger.wire import StoredMessage, Wire

_DOUBT = "The message may or may not be stored."
_GONE = frozenset({10043, 10057})  # no such sequence; past the end
#: What some jobs of a queue have and most have not, and the hint that tells of it.
TRAITS = {"patched": "patch", "families": "family", "logged": "log", "bulky": "object"}


class QueueStore:
    """What every ledger verb needs to know of a queue.

    `sibling(prefix, queue)` opens another queue over the same connection (parents, children).
    `owners` and `upcoming` hold which jobs have deduplication ids and are the pending ones of
    schedulers, as far as was seen here of late.
    `pending_from` holds, for some parents, a sequence before which no child is pending; `fronts`,
    for some priority levels (0: none), the sequence of the first ticket when it was last read.
    `patched`, `families`, `logged` and `bulky` say whether any job of the queue has a patch,
    children, log rows or large payloads; while they are False, a store that is `informed` (a
    worker's) does not ask the server for them. `heads` grows with each job that goes to the head
    of the queue from here: before it is stored, or before its add is over. `traits_told` grows with
    each time a trait was told, the last time at `told_at` (monotonic seconds). `watchers` get the
    queue's settings and their sequence when they are changed from here.
    `levels` holds lanes of priority levels that workers were told of; `counts` and `pages` what
    callers ask in common; `reaches` where messages of a state lay; `trims` removals of old jobs.
    """

    __slots__ = (
        "bulky",
        "counts",
        "due_order",
        "event_log",
        "families",
        "fronts",
        "grouping",
        "heads",
        "ids",
        "informed",
        "levels",
        "logged",
        "names",
        "owners",
        "pages",
        "patched",
        "pending_from",
        "promoter",
        "reaches",
        "sibling",
        "templates",
        "told_at",
        "traits_told",
        "trims",
        "turns",
        "unconfirmed",
        "upcoming",
        "watchers",
        "wire",
    )

    def __init__(
        self,
        wire: Wire,
        names: QueueNames,
        event_log: EventLog,
        sibling: Callable[[str, str], Awaitable[QueueStore]],
        promote: Callable[[QueueStore, Sequence[tuple[str, int]]], Awaitable[None]],
    ) -> None:
        self.sibling = sibling
        self.promoter = Promoter(partial(promote, self))
        self.wire = wire
        self.names = names
        self.templates = Templates(names)
        self.grouping = Grouping(wire)
        self.unconfirmed = Unconfirmed()
        self.due_order = DueOrder(wire, names)
        self.event_log = event_log
        self.ids = IdSource(wire, names)
        self.levels: set[str] = set()
        self.heads = 0
        self.patched = False
        self.families = False
        self.logged = False
        self.bulky = False
        self.informed = False
        self.traits_told = 0
        self.told_at = 0.0
        self.owners = Recent()
        self.upcoming = Recent()
        self.pending_from: dict[str, int] = {}
        self.fronts: dict[int, int] = {}
        self.trims: dict[Any, Rounds] = {}
        self.turns = Turns()
        self.reaches: dict[str, Reach] = {}
        self.counts: Shared[dict[str, int]] | None = None
        self.pages: dict[Any, Shared[Any]] = {}
        self.watchers: set[Callable[[dict[str, Any], int], None]] = set()

    @property
    def is_busy(self) -> bool:
        """Whether something is under way here that has to be seen to its end."""
        return self.promoter.is_armed or bool(self.trims)

    @property
    def may_be_patched(self) -> bool:
        """Whether a job may have a patch: other processes may have written one."""
        return self.patched or not self.informed

    def emit(self, event: str, **args: Any) -> None:
        """Writes one event; the call belongs right behind the stored transition."""
        body: Event = {"event": event, **args}
        self.event_log.emit(self.names.events, body)

    def tell(self, event: str) -> None:
        """As `emit`, for an event that is JSON already."""
        self.event_log.append(self.names.events, event)

    def tell_all(self, events: list[str]) -> None:
        """As `tell`, for several."""
        self.event_log.extend(self.names.events, events)

    async def put(
        self,
        subject: str,
        payload: bytes,
        headers: HeaderMap,
        on_stored: Callable[[int], None] | None = None,
        on_sent: Callable[[], None] | None = None,
        is_gone: IsGone | None = None,
    ) -> int:
        """Stores one guarded message, through lost connections and restarts; its sequence.

        `on_sent` runs when the message is on its way: what it sends is stored behind it, without
        waiting for this message's acknowledgement.

        `Conflict` when the guard failed. A message whose acknowledgement was lost is looked for
        before it is called a conflict, so repeating it changes nothing; if it is not there any
        more, the conflict is marked `repeated`. Where nothing may stand in the way though the first
        copy was stored, `is_gone` is asked before the message is repeated: it was stored and is
        gone again if so, and the sequence is 0.
        """
        wire = self.wire
        if self.event_log.crowded:
            await self.event_log.flush()
        if wire.crowded:
            await wire.room()
        since_ms = 0 if is_gone is None else now_ms() - MARGIN_MS
        try:
            answer = wire.post_now(subject, payload, headers, on_stored)
            if on_sent is not None and not answer.done():
                on_sent()
            wire.hurry()
            return await answer
        except (AckTimeout, StreamMissing) as error:
            unheard = error
        told = (on_stored, is_gone, since_ms)
        return await self.insist(subject, payload, headers, unheard, *told)

    async def insist(
        self,
        subject: str,
        payload: bytes,
        headers: HeaderMap,
        error: Exception,
        on_stored: Callable[[int], None] | None = None,
        is_gone: IsGone | None = None,
        since_ms: int = 0,
    ) -> int:
        """As `put`, for a message that was sent already and whose answer was `error`.

        With `is_gone` it was sent after `since_ms`: a process may stand still for any time between.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        pause = 0.05
        uncertain = isinstance(error, AckTimeout)
        while True:
            left = deadline - loop.time()
            if left <= 0:
                raise self._given_up(error, uncertain)
            try:
                async with asyncio.timeout(left):
                    await self.wire.connected()
                    if isinstance(error, StreamMissing):
                        await ensure_streams(self.wire, self.names.space)
                    if uncertain and is_gone is not None and await is_gone(since_ms):
                        if on_stored is not None:
                            on_stored(0)
                        return 0
                    try:
                        return await (await self.wire.post(subject, payload, headers, on_stored))
                    except Conflict as refusal:
                        rival = refusal
                        rival.repeated = uncertain
                    if not (uncertain and rival.is_open):  # else it may be the first copy
                        return await self._own(subject, payload, headers, on_stored, rival)
            except (AckTimeout, StreamMissing, ServerUnavailable) as again:
                error = again
                uncertain = uncertain or isinstance(again, AckTimeout)
            except TimeoutError:
                raise self._given_up(error, uncertain) from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _given_up(self, error: Exception, uncertain: bool) -> Exception:
        if not isinstance(error, AckTimeout):
            return AckTimeout(f"{error} {_DOUBT}") if uncertain else error
        if not self.wire.is_connected:
            return error
        return AckTimeout(
            f"The NATS server at {self.wire.url} is there and has stored nothing for "
            f"{PATIENCE:g} s; its log tells why (a full disk, which also needs a restart of the "
            f"server; a cluster without majority). {_DOUBT}"
        )

    async def _own(
        self,
        subject: str,
        payload: bytes,
        headers: HeaderMap,
        on_stored: Callable[[int], None] | None,
        rival: Conflict,
    ) -> int:
        """The sequence of the first copy if that stands in the way; else raises `rival`."""
        stored = await self.last(subject)
        if stored is None or stored.data != payload or not same_guard(stored.headers, headers):
            raise rival
        if on_stored is not None:
            on_stored(stored.seq)
        return stored.seq

    def last(self, subject: str) -> Coroutine[Any, Any, StoredMessage | None]:
        """The last message on `subject` (wildcards allowed), as the stream's leader knows it."""
        return self.wire.get_last(self.names.space.jobs, subject)

    def newest(self, job_id: str) -> Coroutine[Any, Any, StoredMessage | None]:
        """The last message of a job, tombstones included, as the stream's leader knows it."""
        return self.last(self.names.any_state(job_id))

    async def purge(self, subject: str, **extra: int) -> int:
        """Removes messages by subject (`keep` or `seq` limit it); how many went.

        A purge without `seq` (up to, not including) also removes what was stored since the caller
        looked.
        """
        deadline = monotonic() + PATIENCE
        while True:
            try:
                answer = await self.wire.api(
                    f"STREAM.PURGE.{self.names.space.jobs}", {"filter": subject, **extra}
                )
            except AckTimeout:
                if monotonic() > deadline:
                    raise
                continue
            return int(answer.get("purged", 0))

    async def delete(self, seq: int) -> bool:
        """Removes one message; False when it was gone."""
        jobs = self.names.space.jobs
        try:
            await self.wire.api(f"STREAM.MSG.DELETE.{jobs}", {"seq": seq, "no_erase": True})
        except StoreError as error:
            if error.code not in _GONE:
                raise
            return False
        return True

    async def mark(self, trait: str) -> None:
        """Remembers that some job has a trait of `TRAITS`, and tells the workers.

        Called before what makes it so is stored: nobody may miss it who sees that. Each time, for a
        worker that came since the last time may have seen no such job.
        """
        self.has(trait)
        await self.hint(TRAITS[trait])

    def has(self, trait: str) -> None:
        """From now on some job has the trait of `TRAITS`, as far as is known here."""
        setattr(self, trait, True)
        self.traits_told += 1
        self.told_at = monotonic()

    async def hint(self, topic: str, payload: bytes = b"") -> None:
        """Tells the queue's workers, if any listen; nothing is stored."""
        if topic == HEAD:
            self.heads += 1
        await self.wire.send(self.names.hint(topic), payload)


__all__ = ["TRAITS", "QueueStore"]
