"""What adding many jobs in one step comes to: who is stored, who counts as a duplicate, which
deduplication keys change. As if they were added one after the other to what is stored now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from jetbull.commands.deduplicating import Rule
from jetbull.commands.known import Claim, Item, Known, look
from jetbull.commands.linking import expectation
from jetbull.commands.preparing import renumber
from jetbull.ledger import deduplication
from jetbull.ledger.adding import NewJob
from jetbull.ledger.clock import now_ms
from jetbull.ledger.insertion import Entry
from jetbull.ledger.moving import transition
from jetbull.ledger.names import ACTIVE, CHILDREN, DELAYED, STALLED, state_of
from jetbull.ledger.parents import Parent
from jetbull.ledger.placing import REMOVED
from jetbull.ledger.store import QueueStore

_TURN = 1000  # jobs until others have their turn


@dataclass(slots=True)
class Plan:
    """One entry per item, in order, and who stands for each item afterwards.

    With `adoption` the plan is not to be used: a job that is to get a parent or children exists
    already, or one is to come back in the step that removes it. That takes more than storing.
    """

    entries: list[Entry] = field(default_factory=list)
    standing: list[Entry | str] = field(default_factory=list)
    adoption: bool = False

    @property
    def ids(self) -> list[str]:
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
            made.adoption |= item.parent is not None or job.place.state == CHILDREN
            entry.stored = False
            entry.told.append(partial(_tell_duplicate, store, job.job_id))
            made.standing.append(job.job_id)
        elif item.rule is None:
            _keep(known, item, entry)
            made.standing.append(entry)
        else:
            made.standing.append(_under_rule(known, item, item.rule, entry))
    for (_, dedup_id), claim in known.claims.items():
        if claim.entry is not None:
            key = deduplication.message(
                *(claim.store, dedup_id, claim.owner, claim.until_ms, claim.seq, claim.pending)
            )
            claim.entry.along.append(key)
    return made


def _keep(known: Known, item: Item, entry: Entry) -> None:
    """The job will be stored."""
    store, job_id, parent = item.store, item.job.job_id, item.parent
    known.planned[store.names.name, job_id] = entry
    if parent is not None:
        # By the id it has now.
        key = f"{store.names.qualified}:{job_id}"
        entry.waits = expectation(Parent(parent.store, parent.job_id, key))
    if item.job.on_stored is not None:
        entry.told.append(item.job.on_stored)


def _under_rule(known: Known, item: Item, rule: Rule, entry: Entry) -> Entry | str:
    """As `deduplicating.add`: the entry of the job if it is stored, else the owner's id."""
    store, job = item.store, item.job
    queue = store.names.name
    until = now_ms() + rule.ttl_ms if rule.ttl_ms else 0
    claim = known.claims.get((queue, rule.id))
    if claim is None or not known.holds(queue, claim):
        seq = 0 if claim is None else claim.seq
        known.claims[queue, rule.id] = Claim(store, job.job_id, until, seq, None, entry)
        _keep(known, item, entry)
        return entry
    owner = claim.owner
    if rule.replace and _remove_delayed(known, store, owner, entry):
        entry.told.append(partial(_tell_replaced, store, job.job_id, rule.id, owner))
        claim.owner, claim.pending, claim.entry = job.job_id, None, entry
        if rule.extend or not claim.until_ms:
            claim.until_ms = until
        _keep(known, item, entry)
        return entry
    entry.stored = False
    found = known.stored.get((queue, owner))
    if rule.keep_last and found is not None and state_of(found.subject) in (ACTIVE, STALLED):
        text = job.record.encode().decode("utf-8", "surrogatepass")
        claim.pending = {"record": text, "id": job.job_id}
        claim.until_ms, claim.entry = 0, entry
    elif rule.replace:
        return owner  # the one duplicate BullMQ tells nobody of
    elif until and rule.extend:
        claim.until_ms, claim.entry = until, entry
    entry.told.append(partial(_tell_deduplicated, store, owner, rule.id, job))
    return owner


def _remove_delayed(known: Known, store: QueueStore, owner: str, entry: Entry) -> bool:
    """Lets the owner go in the same step, if it is delayed."""
    name = (store.names.name, owner)
    planned = known.planned.get(name)
    if planned is not None:
        if planned.job.place.state != DELAYED:
            return False
        # It was never there; what it removed itself stays removed.
        del known.planned[name]
        planned.stored = False
        return True
    found = known.stored.get(name)
    if found is None or state_of(found.subject) != DELAYED:
        return False
    gone = transition(store, owner, found, found.record.with_head({}), REMOVED)
    entry.along.append(gone)
    del known.stored[name]
    known.leaving.add(name)
    return True


def _tell_duplicate(store: QueueStore, job_id: str, _: int) -> None:
    store.emit("duplicated", jobId=job_id)


def _tell_deduplicated(store: QueueStore, owner: str, dedup_id: str, job: NewJob, _: int) -> None:
    store.emit("deduplicated", jobId=owner, deduplicationId=dedup_id, deduplicatedJobId=job.job_id)


def _tell_replaced(store: QueueStore, job_id: str, dedup_id: str, owner: str, _: int) -> None:
    store.emit("removed", jobId=owner, prev="delayed")
    store.emit("deduplicated", jobId=job_id, deduplicationId=dedup_id, deduplicatedJobId=owner)


__all__ = ["Plan", "plan"]
