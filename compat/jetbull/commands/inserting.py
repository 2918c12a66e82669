"""Adding many jobs in one step, whatever their rules and however many they are.

Plain ones do not come here (`pipelining`), unless they are too many. A few jobs are noted first,
where that is quicker (`noting`). Else what the server takes in one batch is one batch, and more is
written down first, as a whole (`adding.journal`); from then on it is decided, and stored part by
part: by this process, or by a worker if this one dies.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from jetbull.commands.completing import finish_abandoned as finish_noted
from jetbull.commands.known import Item
from jetbull.commands.noting import store_noted
from jetbull.commands.planning import Plan, plan
from jetbull.commands.preparing import announcer
from jetbull.commands.ruling import rule_of
from jetbull.commands.storing import arm, store_one
from jetbull.errors import BatchTooLarge, Conflict, ConnectionClosedError, JetbullError
from jetbull.ledger.adding import journal as journals
from jetbull.ledger.adding.adding import doubt_of, is_any_stored, stand_behind, tombstones
from jetbull.ledger.adding.insertion import Entry, by_queue
from jetbull.ledger.adding.journal import Journal
from jetbull.ledger.belongings import blobs
from jetbull.ledger.belongings.belongings import let_go
from jetbull.ledger.job.moving import ensure_level
from jetbull.ledger.job.reading import broken, find_many
from jetbull.ledger.messages.guard import guard_of
from jetbull.ledger.messages.names import CHILDREN, HEAD
from jetbull.ledger.parents import releasing
from jetbull.ledger.store.batch import Message, commit, most_in_batch
from jetbull.ledger.store.collector import collector_paused
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.store.unconfirmed import IsGone

log = logging.getLogger("jetbull.inserting")

_TURN = 1000  # jobs until others have their turn
_PAUSE_SECONDS = 0.01


async def insert(store: QueueStore, items: Sequence[Item]) -> list[str] | None:
    """Stores the items, or what BullMQ's rules leave of them; the ids that stand for them.

    None, with nothing stored, when one has a parent and exists already.
    """
    parents = (item.parent.store for item in items if item.parent is not None)
    for owner in {store.names.qualified: store for store in parents}.values():
        await owner.mark("families")
    again = repeated = False
    while True:
        made = await plan(items, again)
        if made.adoption:
            return None
        for entry in made.entries:
            if entry.stored and entry.job.place.level:
                await ensure_level(entry.store, entry.job.place.level)
        await _externalize(made.entries)
        try:
            await _store(store, made.entries)
            _let_go(made)
            return made.ids
        except Conflict as rival:
            repeated = repeated or rival.repeated
            if repeated and await _are_stored(made.entries):
                await _tell(made.entries)
                _let_go(made)
                return made.ids
            if again:  # a replica that is behind told the same as before
                await asyncio.sleep(_PAUSE_SECONDS)
            again = True


def _let_go(made: Plan) -> None:
    """What is large of jobs that were about to be stored when others were quicker."""
    for entry in made.entries:
        job, name = entry.job, (entry.store.names.name, entry.job.job_id)
        if job.generated and not entry.stored and name not in made.remembered:
            let_go(entry.store, job.job_id, job.record)


async def _externalize(entries: Sequence[Entry]) -> None:
    """Puts what is large beside the jobs; nothing of those that another one stands for."""
    for store, some in by_queue(e for e in entries if e.stored):
        await blobs.externalize_many(store, [(e.job.job_id, e.job.record) for e in some])


async def finish_abandoned(store: QueueStore, old_enough_ms: int) -> None:
    """Goes on with the queue's insertions whose process is gone."""
    await _tell(await finish_noted(store, old_enough_ms))
    for journal in await journals.abandoned(store, old_enough_ms):
        if not journal.written:
            await journals.forget(journal)
            continue
        log.warning(
            "a bulk of queue %s was left after %d of %d parts; the rest is stored now",
            *(store.names.name, journal.done, journal.parts),
        )
        try:
            await _go_on(journal, [])
        except ConnectionClosedError:
            raise
        except JetbullError as error:
            log.warning("the bulk %s is not finished yet: %s", journal.key, error)
    await journals.clear_strays(store)


async def _store(store: QueueStore, entries: Sequence[Entry]) -> None:
    """One batch, or a journal. `Conflict` when nothing was stored."""
    if await store_noted(store, entries):
        await _tell(entries)
        return
    most = most_in_batch(store.wire)
    if sum(e.size for e in entries) <= most:
        try:
            await _together(store, entries)
            return
        except BatchTooLarge:
            most = most_in_batch(store.wire)
    # A parent behind its children: whoever finishes the last one finds them all waited for.
    leaves = [e for e in entries if e.job.place.state != CHILDREN]
    nodes = [e for e in reversed(entries) if e.job.place.state == CHILDREN]
    journal, parts = await journals.write(store, [*leaves, *nodes], most)
    await _go_on(journal, parts)


async def _together(store: QueueStore, entries: Sequence[Entry]) -> None:
    messages: list[Message] = []
    for at in range(0, len(entries), _TURN):
        with collector_paused():
            messages += [m for e in entries[at : at + _TURN] for m in e.messages()]
        await asyncio.sleep(0)
    if messages:
        is_gone = _doubt_of(entries)
        with store.wire.pace.timed(False, len(messages)):
            await commit(store.wire, store.names.space.jobs, messages, is_gone=is_gone)
    await _tell(entries)


async def _are_stored(entries: Sequence[Entry]) -> bool:
    """Whether a step that was refused when it was repeated had been stored.

    Then any of its jobs may have come and gone since, so one that is left speaks for all.
    """
    for store, some in by_queue(e for e in entries if e.stored):
        if await is_any_stored(store, [e.job for e in some]):
            return True
    return False


def _doubt_of(entries: Sequence[Entry]) -> IsGone | None:
    """Tells for all that are stored in one step whether one of them came and went."""
    fresh = next((e for e in reversed(entries) if e.stored and e.job.generated), None)
    return None if fresh is None else doubt_of(fresh.store, fresh.job)


async def _tell(entries: Sequence[Entry]) -> None:
    heads: dict[str, QueueStore] = {}
    for entry in entries:
        for told in entry.told:
            told(0)
        if entry.stored:
            arm(entry.store, entry.job.job_id, entry.job.place)
            if entry.job.place.state == HEAD:
                heads[entry.store.names.name] = entry.store
    for store in heads.values():
        await store.hint("head")


# --- part by part ----------------------------------------------------------------------


async def _go_on(journal: Journal, parts: Sequence[Sequence[Entry]]) -> None:
    """Stores what is left of a journal; `parts` if this process wrote it."""
    waiting: list[Entry] = []
    now: Journal | None = journal
    while now is not None and not now.over:
        part = parts[now.done] if parts else await _read(now)
        if part is not None:
            waiting += [e for e in part if e.stored and e.job.place.state == CHILDREN]
            await _store_part(now, part)
        now = await journals.current(journal)
    for parent in waiting:
        # Its children may have been done before it was there.
        await releasing.release(parent.store, parent.job.job_id)


async def _read(journal: Journal) -> list[Entry] | None:
    part = await journals.part_of(journal)
    for entry in part or ():
        job = entry.job
        if entry.stored:
            entry.told.append(announcer(entry.store, job.job_id, job.record, job.place))
    return part


async def _store_part(journal: Journal, part: Sequence[Entry]) -> None:
    """Stores the next part; does nothing when somebody else did meanwhile."""
    store, left = journal.store, list(part)
    while True:
        messages = [*journals.advance(journal), *(m for e in left for m in e.messages())]
        try:
            await commit(store.wire, store.names.space.jobs, messages)
            break
        except Conflict:
            refused = await _refused(left)
            # Asked behind the look: the leader of a cluster refuses the part as soon as a rival has
            # sent it, and what is found then may be its jobs.
            now = await journals.current(journal)
            if now is None or now.seq != journal.seq:
                return
            for entry in refused:
                await _alone(entry)
            left = [entry for entry in left if entry not in refused]
    await _tell(left)


async def _alone(entry: Entry) -> None:
    """Adds what does not fit to what was stored meanwhile, under the rules for one job."""
    rule = rule_of(entry.job.record.opts)
    if entry.stored or (rule is not None and rule.keep_last):
        await store_one(entry.store, entry.job, rule)


async def _refused(entries: Sequence[Entry]) -> list[Entry]:
    """Those that can no longer be stored as planned."""
    refused: set[int] = set()
    for store, some in by_queue(entries):
        ids = [e.job.job_id for e in some if e.stored]
        existing, removed = await find_many(store, ids), await tombstones(store, ids)
        for entry in some:
            await stand_behind(store, entry.job, removed.get(entry.job.job_id, 0))
            if entry.stored and entry.job.job_id in existing:
                refused.add(id(entry))
    guards = {guard_of(m.headers): e for e in entries for m in e.beside}
    if guards:
        refused |= {id(guards[g]) for g in await broken(entries[0].store, guards)}
    return [e for e in entries if id(e) in refused]


__all__ = ["finish_abandoned", "insert"]
