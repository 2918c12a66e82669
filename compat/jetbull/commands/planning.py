"""What adding many jobs in one step comes to: who is stored, who counts as a duplicate, which
deduplication keys change. As if they were added one after the other to what is stored now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from jetbull.commands.announcing import announce_duplicate, announce_replacement, announce_taken
from jetbull.commands.known import Item, Known, Name, PlannedKey, look
from jetbull.commands.preparing import announcer, place_as_of, renumber
from jetbull.commands.ruling import Rule, Verdict, decide
from jetbull.ledger.adding import deduplication
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.belongings import blobs
from jetbull.ledger.belongings.belongings import let_go
from jetbull.ledger.job.moving import transition
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import CHILDREN
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.parents.parentage import Parent
from jetbull.ledger.store.store import QueueStore

_TURN = 1000  # jobs until others have their turn


@dataclass(slots=True)
class Plan:
    """One entry per item, in order, and who stands for each item afterwards.

    With `adoption` the plan is not to be used: a job that is to get a parent or children exists
    already, one is to come back in the step that removes it, or one gets another delay. That takes
    more than storing.
    """

    entries: list[Entry] = field(default_factory=list)
    standing: list[Entry | str] = field(default_factory=list)
    adoption: bool = False
    remembered: set[Name] = field(default_factory=set)  # for when the owner of an id has finished

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs that stand for the items."""
        return [s if isinstance(s, str) else s.job.job_id for s in self.standing]


async def plan(items: Sequence[Item], again: bool) -> Plan:
    """The plan for the items; `again` when one was refused: then nothing is taken for granted."""
    known, made = await look(items, again), Plan()
    for number, item in enumerate(items, 1):
        if number % _TURN == 0:
            await asyncio.sleep(0)
        store, job = item.store, item.job
        queue = store.names.name
        while job.generated and known.has((queue, job.job_id)):
            await renumber(store, job)
        name = (queue, job.job_id)
        if name in known.awaited or name in known.leaving:
            made.adoption = True
        entry = Entry(store, job)
        made.entries.append(entry)
        if known.has(name):
            has_parent = item.parent is not None or item.away
            made.adoption |= has_parent or job.place.state == CHILDREN
            entry.stored = False
            entry.told.append(partial(announce_taken, store, job.job_id))
            made.standing.append(job.job_id)
        elif item.rule is None:
            _keep(known, item, entry)
            made.standing.append(entry)
        else:
            made.standing.append(await _under_rule(known, made, item, item.rule, entry))
    for (queue, _), held in known.dedup_keys.items():
        if held.pending is not None:
            made.remembered.add((queue, held.pending["id"]))
    _let_childless_go(items, made)
    for (_, dedup_id), held in known.dedup_keys.items():
        if held.entry is not None:
            message = deduplication.message(
                *(held.store, dedup_id, held.owner, held.until_ms, held.seq, held.pending)
            )
            held.entry.along.append(message)
    return made


def _keep(known: Known, item: Item, entry: Entry) -> None:
    """The job will be stored."""
    store, job_id, parent = item.store, item.job.job_id, item.parent
    known.planned[store.names.name, job_id] = entry
    if parent is not None:
        # By the id it has now.
        key = f"{store.names.qualified}:{job_id}"
        is_same = parent.child_key == key
        entry.parent = parent if is_same else Parent(parent.store, parent.job_id, key)
    if item.job.on_stored is not None:
        entry.told.append(item.job.on_stored)


async def _under_rule(
    known: Known, made: Plan, item: Item, rule: Rule, entry: Entry
) -> Entry | str:
    """The entry of the job if it is stored, else the owner's id."""
    store, job_id = item.store, item.job.job_id
    queue = store.names.name
    held = known.dedup_keys.get((queue, rule.id))
    until, state = None, None
    if held is not None:
        until, state = held.until_ms, known.state_of((queue, held.owner))
    ruling = decide(rule, until, state, now_ms())
    made.adoption |= rule.reschedules(ruling.verdict, state)
    owner, seq = ("", 0) if held is None else (held.owner, held.seq)
    if ruling.verdict is Verdict.REPLACE:
        _remove(known, store, owner, entry)
        entry.told.append(lambda _: announce_replacement(store, job_id, rule.id, owner))
    if held is None or ruling.verdict in (Verdict.STORE, Verdict.REPLACE):
        known.dedup_keys[queue, rule.id] = PlannedKey(
            store, job_id, ruling.until_ms, seq, None, entry
        )
        _keep(known, item, entry)
        return entry
    entry.stored = False
    if ruling.verdict is Verdict.SILENT:
        return owner
    if ruling.verdict is Verdict.REMEMBER:
        before = held.pending
        await blobs.externalize(store, job_id, item.job.record)
        held.pending = deduplication.remembered(job_id, item.job.record, before)
    if ruling.verdict is not Verdict.DUPLICATE:
        held.until_ms, held.entry = ruling.until_ms, entry
    entry.told.append(lambda _: announce_duplicate(store, job_id, rule.id, owner))
    return owner


def _remove(known: Known, store: QueueStore, owner: str, entry: Entry) -> None:
    """Lets a delayed owner go in the same step."""
    name = (store.names.name, owner)
    planned = known.planned.pop(name, None)
    if planned is not None:
        # It was never there; what it removed itself stays removed.
        planned.stored = False
        return
    found = known.stored.pop(name)
    gone = transition(store.names, owner, found, found.record.with_head({}), REMOVED)
    entry.along.append(gone)
    entry.told.append(lambda _: let_go(store, owner, found.record))
    known.leaving.add(name)


def _let_childless_go(items: Sequence[Item], made: Plan) -> None:
    """A parent whose children are all duplicates has none to wait for: it is a plain job.

    Unless one of them is remembered: it comes when the owner of its id has finished.
    """
    waits: dict[Name, bool] = {}
    for item, entry in zip(items, made.entries, strict=True):
        if item.parent is not None:
            name = (item.parent.store.names.name, item.parent.job_id)
            comes = entry.stored or (item.store.names.name, item.job.job_id) in made.remembered
            waits[name] = waits.get(name, False) or comes
    for entry in made.entries:
        store, job = entry.store, entry.job
        if job.place.state != CHILDREN or waits.get((store.names.name, job.job_id), True):
            continue
        place = place_as_of(now_ms(), job.record)
        told = announcer(store, job.job_id, job.record, place)
        # A copy: the next plan for the same job may find that it has to wait.
        entry.job = replace(job, place=place, on_stored=told)
        entry.told = [told]


__all__ = ["Plan", "plan"]
