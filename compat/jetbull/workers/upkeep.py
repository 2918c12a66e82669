"""What only a crash at the wrong moment leaves behind; every worker puts it right now and then.

    a parent nobody let go     the teller died between booking the last child and letting it go
    a parent of no child       the child was removed or cut off, and who did it, or gave it to the
                               parent anew just then, died before saying so
    a parent of a child        that was to run again: who wanted that died before moving it
    a bulk in parts            its producer died before all of them were stored
    an add that was kept       `keepLastIfActive`: the worker died between outcome and next job
    a key of a finished job    the worker died between outcome and freeing the deduplication id
    an id of a removed job     who removed it died before freeing the deduplication id
    an add of the past         nats-server was killed and gave back one that was kept, of a job that
                               has run since; so may be tickets, see `tickets`
    a schedule that is over    it fired while the store was full, and the server tries once only
    what belonged to a job     its worker died between removing the job and removing that
    what belongs to no job     its producer died between a payload and the job, or its worker where
                               no other looked while the job's tombstone stood; or a child ended
                               in the moment in which its parent was removed; a day later
    a job that was removed     who removed it died before its ticket, or it as finished, was gone:
                               it would be back when its tombstone goes
    a patch of the past        its job moved on while it was written; so may be one that a killed
                               server gave back

It also forgets that there were patches when none is left.

Everything here may be done by several workers at once, and again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from jetbull.commands import deduplicating, inserting, orphans
from jetbull.commands.missed_ends import OLD_ENOUGH_MS, book_out
from jetbull.errors import Conflict, ConnectionClosedError, JetbullError
from jetbull.ledger.adding import deduplication, note_reading
from jetbull.ledger.belongings.belongings import forget_left, forget_tickets
from jetbull.ledger.job import patches, reading
from jetbull.ledger.job.patches import forget_patches
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.guard import due_of
from jetbull.ledger.messages.names import (
    ACTIVE,
    CHILDREN,
    COMPLETED,
    DELAYED,
    FAILED,
    GONE,
    OPEN,
    last_token,
    owner_of,
    public_state_of,
)
from jetbull.ledger.messages.record import Record
from jetbull.ledger.parents import releasing
from jetbull.ledger.queue import event_evidence
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage
from jetbull.workers import tickets

log = logging.getLogger("jetbull.workers.upkeep")

EVERY_S = 20.0
_PARENTS = 50  # per look
_PATCHES = 50  # per look
_KEYS = 500  # of deduplication ids per look
_TOMBSTONES, _TOMBSTONE_TURNS = 500, 8
_SCHEDULES = 200  # per look, and as many again as long as some of them are over
_TURNS = 50
_ROWS = 50  # of logs, and of books, per look
_FORGOTTEN_MS = 86_400_000  # whoever put it there may have stood still, with its machine
_MAX_BYTES = 1024 * 1024
_FIRING = ((DELAYED, "*"), (ACTIVE, "*"), (COMPLETED, OPEN), (FAILED, OPEN))


class Upkeep:
    """The loop of one worker."""

    def __init__(self, store: QueueStore, old_enough_ms: int = OLD_ENOUGH_MS) -> None:
        self._store = store
        self._old_enough_ms = old_enough_ms
        self._from: dict[str, int] = {}  # where the next look begins, by subject

    async def run(self) -> None:
        """Looks after everything until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311
            await self.look()

    async def look(self) -> None:
        """One look at everything. What fails is left to the next look and holds up nothing else."""
        store, names = self._store, self._store.names
        looks: list[Callable[[], Awaitable[object]]] = [
            *(partial(tickets.look_after, store, state, self._is_past) for state in tickets.STATES),
            *([self._parents] if store.families else []),
            self._remembered,
            self._patches,
            self._tombstones,
            partial(inserting.finish_abandoned, store, self._old_enough_ms),
            *(partial(self._overdue, names.all_in(state, lane)) for state, lane in _FIRING),
            self._ownerless,  # what was found abandoned is a job's by now
        ]
        for look in looks:
            try:
                await look()
            except ConnectionClosedError:
                raise
            except JetbullError as error:
                log.info("looked in vain: %s", error)
            except Exception:
                # A message that no jetbull wrote, say. Running jobs are not to end for it.
                log.exception("one of the looks after %s failed", names.name)

    async def _page(self, subject: str, count: int, stream: str = "") -> list[StoredMessage]:
        """The messages behind those of the last look, from the first on where that was the end."""
        query = {"next_by_subj": subject, "seq": self._from.get(subject, 1), "batch": count}
        found = await self._store.wire.get_batch(
            stream or self._store.names.space.jobs, {**query, "max_bytes": _MAX_BYTES}
        )
        more = bool(found) and found[-1].pending > 0
        self._from[subject] = found[-1].seq + 1 if more else 1
        return found

    def _is_old(self, message: StoredMessage) -> bool:
        return self._is_past(parse_ms(message.time))

    def _is_past(self, moment_ms: int) -> bool:
        return now_ms() - moment_ms >= self._old_enough_ms

    async def _overdue(self, subject: str) -> None:
        """Stores schedules again whose time has been over for long enough."""
        store = self._store
        for _ in range(_TURNS):
            found = await self._page(subject, _SCHEDULES)
            over = [m for m in found if self._is_old(m) and self._is_over(m)]
            for message in over:
                job_id = last_token(message.subject)
                newest = await store.newest(job_id)
                if newest is not None and newest.seq > message.seq:
                    await store.purge(message.subject, seq=message.seq + 1)
                    continue
                try:
                    await patches.set_going(store, job_id, message)
                except Conflict:
                    continue
                log.warning("%s did not fire in its time; it does so now", message.subject)
            if not over or not found[-1].pending:
                return

    async def _tombstones(self) -> None:
        """Removes what was left of jobs that were removed a while ago."""
        store, subject = self._store, self._store.names.all_in(GONE)
        query = {"next_by_subj": subject, "batch": _TOMBSTONES, "max_bytes": _MAX_BYTES}
        for _ in range(_TOMBSTONE_TURNS):
            query["seq"] = self._from.get(subject, 1)
            found = await store.wire.get_batch(store.names.space.jobs, query)
            await forget_tickets(store, {last_token(m.subject): m for m in found})
            old = [m for m in found if self._is_old(m)]
            await self._free_ids(old)
            await forget_left(store, {last_token(m.subject): m for m in old})
            # Those that were seen are not looked at again, while others come behind them.
            self._from[subject] = old[-1].seq + 1 if old else 1
            if len(old) < len(found) or not found or not found[-1].pending:
                return

    async def _free_ids(self, tombstones: list[StoredMessage]) -> None:
        """Frees the deduplication ids of jobs that somebody removed."""
        for message in tombstones:
            record, job_id = Record.read(message.data), last_token(message.subject)
            dedup_id = record.given.get("deduplicationId")
            if not dedup_id or record.head:
                continue
            newest = await self._store.newest(job_id)
            if newest is not None and newest.seq == message.seq:
                await deduplication.free(self._store, dedup_id, job_id)

    async def _ownerless(self) -> None:
        """Removes log rows, payloads and books of children of jobs that are not there any more, or
        never came.
        """
        store, names = self._store, self._store.names
        found: list[StoredMessage] = []
        if store.logged or not store.informed:
            found += await self._page(names.all_logs(), _ROWS, names.space.logs)
        if store.bulky or not store.informed:  # half a megabyte each
            found += await self._page(names.all_objects(), 1, names.space.objects)
        if store.families or not store.informed:
            found += await self._page(names.all_dependencies(), _ROWS)
        old = [m for m in found if now_ms() - parse_ms(m.time) >= _FORGOTTEN_MS]
        await orphans.remove_of(store, sorted({owner_of(m.subject) for m in old}))

    def _is_over(self, schedule: StoredMessage) -> bool:
        due = due_of(schedule.headers)  # None: no jetbull wrote it
        return due is not None and now_ms() - due >= self._old_enough_ms

    async def _parents(self) -> None:
        found = await self._page(self._store.names.all_in(CHILDREN), _PARENTS)
        old = [message for message in found if self._is_old(message)]
        # Before the children: one that was stored since is seen then.
        on_their_way = await note_reading.held(self._store) if old else set()
        for message in old:
            parent_id = last_token(message.subject)
            await book_out(self._store, parent_id, on_their_way, self._is_old, self._is_old)
            await releasing.release(self._store, parent_id)

    async def _remembered(self) -> None:
        store = self._store
        found = await self._page(store.names.all_aux("dedup"), _KEYS)
        keys = [(m, deduplication.body_of(m)) for m in found if self._is_old(m)]
        keys = [(m, body) for m, body in keys if "next" in body or "until" not in body]
        owners = await reading.find_or_ask(store, [body["jobId"] for _, body in keys])
        for message, body in keys:
            owner = owners.get(body["jobId"])
            if owner is None or public_state_of(owner.subject) in ("completed", "failed"):
                await self._without_owner(message, body, is_gone=owner is None)

    async def _without_owner(
        self, message: StoredMessage, body: dict[str, Any], is_gone: bool
    ) -> None:
        """Frees a deduplication id whose owner is done or gone; what was kept behind it starts."""
        store, kept = self._store, body.get("next", {}).get("id")
        if kept is None and is_gone and body.get("note"):
            if await note_reading.find(store, body["note"]) is not None:
                return  # the owner is on its way
        elif kept is not None and await self._has_come(kept, message):
            log.info("job %s has been stored; its add of the past is dropped", kept)
            await store.purge(message.subject, seq=message.seq + 1)
            return
        try:
            await deduplicating.on_finished(store, body["jobId"], last_token(message.subject))
        except Conflict:
            log.debug("another job has the id %s", kept)

    async def _has_come(self, job_id: str, seen: StoredMessage) -> bool:
        """Whether the job was stored after that message, whatever became of it."""
        newest = await self._store.newest(job_id)
        if newest is not None:
            return newest.seq > seen.seq
        return job_id in await event_evidence.came_and_went(self._store, [job_id], seen.time)

    async def _patches(self) -> None:
        """Removes patches of jobs that have moved on since, or are gone."""
        store = self._store
        found = await self._page(store.names.all_aux("patch"), _PATCHES)
        old = {last_token(m.subject): m for m in found if self._is_old(m)}
        jobs = await reading.find_or_ask(store, old)
        for job_id, patch in old.items():
            if job_id not in jobs or patches.is_outdated(patch, jobs[job_id].seq):
                await store.purge(patch.subject, seq=patch.seq + 1)
        await forget_patches(store)


__all__ = ["Upkeep"]
