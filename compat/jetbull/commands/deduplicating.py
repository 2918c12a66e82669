"""Deduplication rules: whether an add counts, and who owns the id afterwards (BullMQ section
'deduplication': simple, throttle, debounce, replace, keepLastIfActive).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jetbull.commands.announcing import announce
from jetbull.commands.linking import expect_child, expectation, is_near, tell_families
from jetbull.errors import ConfigurationError, Conflict
from jetbull.ledger import deduplication, parents, reading
from jetbull.ledger.adding import NewJob, is_free_again, is_stored, message_for
from jetbull.ledger.batch import Message, commit
from jetbull.ledger.clock import now_ms
from jetbull.ledger.deduplication import Key
from jetbull.ledger.moving import ensure_level, transition
from jetbull.ledger.names import ACTIVE, DELAYED, HEAD, STALLED, state_of
from jetbull.ledger.placing import REMOVED, delayed, waiting
from jetbull.ledger.record import Record
from jetbull.ledger.store import QueueStore


@dataclass(frozen=True, slots=True)
class Rule:
    """`opts.deduplication`, checked."""

    id: str
    ttl_ms: int
    extend: bool
    replace: bool
    keep_last: bool


def rule_of(opts: dict[str, Any]) -> Rule | None:
    """The rule of a job's options, or None. ConfigurationError without an id."""
    given = opts.get("deduplication")
    if not given:
        return None
    if not given.get("id"):
        raise ConfigurationError("Deduplication id must be provided")
    keep_last = bool(given.get("keepLastIfActive"))
    ttl = 0 if keep_last else int(given.get("ttl") or 0)
    return Rule(
        str(given["id"]), ttl, bool(given.get("extend")), bool(given.get("replace")), keep_last
    )


async def add(store: QueueStore, job: NewJob, rule: Rule) -> str:
    """Stores the job, or not; the id of the job that stands for the deduplication id."""
    while True:
        key = await deduplication.read(store, rule.id)
        until = now_ms() + rule.ttl_ms if rule.ttl_ms else 0
        if key is None or not await deduplication.counts(store, key):
            if await _own(store, job, rule, 0 if key is None else key.seq, until):
                return job.job_id
            continue
        if rule.replace and await _replace(store, job, rule, key, until):
            return job.job_id
        if rule.keep_last and await _remember(store, job, rule, key):
            break
        if rule.replace:
            return key.owner  # the one duplicate BullMQ tells nobody of
        if rule.ttl_ms and rule.extend:
            await deduplication.write(store, rule.id, key.owner, until, key.seq)
        break
    store.emit(
        "deduplicated",
        jobId=key.owner,
        deduplicationId=rule.id,
        deduplicatedJobId=job.job_id,
    )
    return key.owner


async def _own(
    store: QueueStore,
    job: NewJob,
    rule: Rule,
    seq: int,
    until: int,
    along: Message | None = None,
) -> bool:
    """Stores job and key together (and `along`); False when any changed meanwhile."""
    if job.place.level:
        await ensure_level(store, job.place.level)
    entry = deduplication.message(store, rule.id, job.job_id, until, seq)
    messages = [entry, message_for(store, job)]
    if along is not None:
        messages.insert(0, along)
    parent = await parents.parent_of(store, job.record, job.job_id)
    if parent is not None:
        await tell_families(parent.store)
        if is_near(store, parent):
            messages.insert(0, expectation(parent))
        else:
            await expect_child(parent)
    try:
        last = await commit(store.wire, store.names.space.jobs, messages)
    except Conflict as rival:
        if rival.repeated and await is_stored(store, job):
            return True
        if not await is_free_again(store, job) and await reading.find(store, job.job_id):
            raise
        return False
    if job.on_stored is not None:
        job.on_stored(last)
    if job.place.state == HEAD:
        await store.hint("head")
    return True


async def _replace(store: QueueStore, job: NewJob, rule: Rule, key: Key, until: int) -> bool:
    """While the owner is delayed it is removed and the new job takes its place."""
    owner = await reading.find(store, key.owner)
    if owner is None or state_of(owner.subject) != DELAYED:
        return False
    keep_until = until if rule.extend or not key.until_ms else key.until_ms
    # In one step: whoever dies between the two would have lost the job that was there.
    gone = transition(store, key.owner, owner, owner.record.with_head({}), REMOVED)
    announced = job.on_stored

    def stored(seq: int) -> None:
        ids = {"jobId": job.job_id, "deduplicationId": rule.id}
        store.emit("removed", jobId=key.owner, prev="delayed")
        store.emit("deduplicated", **ids, deduplicatedJobId=key.owner)
        if announced is not None:
            announced(seq)

    job.on_stored = stored
    if await _own(store, job, rule, key.seq, keep_until, gone):
        return True
    job.on_stored = announced
    return False


async def _remember(store: QueueStore, job: NewJob, rule: Rule, key: Key) -> bool:
    """While the owner runs, the latest add is kept until it finishes."""
    owner = await reading.find(store, key.owner)
    if owner is None or state_of(owner.subject) not in (ACTIVE, STALLED):
        return False
    text = job.record.encode().decode("utf-8", "surrogatepass")
    return await deduplication.write(
        store, rule.id, key.owner, 0, key.seq, {"record": text, "id": job.job_id}
    )


async def on_finished(store: QueueStore, job_id: str, dedup_id: str, state: str) -> None:
    """Frees the key of a finished owner, or starts the job remembered for it."""
    key = await deduplication.read(store, dedup_id)
    if key is None or key.owner != job_id:
        return
    if key.pending is None:
        if not key.until_ms:
            await store.purge(store.names.aux("dedup", dedup_id), seq=key.seq + 1)
        return
    await store.ids.take()  # BullMQ uses up another number here
    payload = key.pending["record"].encode("utf-8", "surrogatepass")
    now = now_ms()
    record = Record.decode(payload).with_given(timestamp=now)
    delay_ms = int(record.head.get("delay", 0))
    place = waiting(record.priority, bool(record.opts.get("lifo")))
    if delay_ms:
        place = delayed(now + delay_ms, record.priority)
    fresh = NewJob(key.pending["id"], record, place, True)
    fresh.on_stored = lambda _: announce(store, fresh.job_id, record, place)
    rule = Rule(dedup_id, 0, False, False, True)
    if await _own(store, fresh, rule, key.seq, 0) and delay_ms:
        store.promoter.arm(fresh.job_id, place.due_ms)


__all__ = ["Rule", "add", "on_finished", "rule_of"]
