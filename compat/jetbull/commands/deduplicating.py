"""Adding one job under a deduplication rule, and what follows when the owner of an id has finished.

`ruling` decides; here the decision is carried out, and made again when it came too late.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from jetbull.commands.announcing import announce, announce_duplicate, announce_replacement
from jetbull.commands.completing import help_on
from jetbull.commands.delaying import change_delay
from jetbull.commands.linking import expect_child, is_near
from jetbull.commands.noting import is_quicker, store_owner
from jetbull.commands.preparing import place_as_of, renumber
from jetbull.commands.ruling import Rule, Verdict, decide, rule_of
from jetbull.errors import Conflict, JobError
from jetbull.ledger.adding import deduplication, note_reading
from jetbull.ledger.adding.adding import NewJob, doubt_of, is_free_again, is_stored, message_for
from jetbull.ledger.adding.deduplication import Key
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.belongings import blobs
from jetbull.ledger.belongings.belongings import let_go
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import ensure_level, transition
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import GONE, HEAD, public_state_of, state_of
from jetbull.ledger.messages.placing import REMOVED
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.parents import parentage
from jetbull.ledger.parents.bookkeeping import expectation
from jetbull.ledger.store.batch import Message, commit
from jetbull.ledger.store.store import QueueStore

_KEPT = (Verdict.STORE, Verdict.REPLACE, Verdict.REMEMBER)


async def add(store: QueueStore, job: NewJob, rule: Rule) -> str:
    """Stores the job, or not; the id of the job that stands for the deduplication id.

    What is large is put beside a job that is kept only: nobody would remove it for a duplicate.
    """
    is_expected = rule.id in store.owners or not _is_quick(store, job)
    while True:
        # Of an id that nobody here has met the guard tells whether there is a key.
        key, owner = await _look(store, rule) if is_expected else (None, None)
        is_expected = True
        state = None if owner is None else public_state_of(owner.subject)
        verdict, until = decide(rule, None if key is None else key.until_ms, state, now_ms())
        is_ownerless = verdict is Verdict.SILENT and owner is None
        if key is not None and is_ownerless and not await _has_ended(store, key.owner, owner):
            # Whoever removed the owner is about to free the id.
            verdict, until = decide(rule, None, None, now_ms())
        if key is None or verdict in _KEPT:
            await blobs.externalize(store, job.job_id, job.record)
        if key is None or verdict is Verdict.STORE:
            if key is not None and await start_kept(store, rule.id, key, owner):
                continue
            owning = _take_over(store, job, rule.id, key, until)
        elif verdict is Verdict.REPLACE and owner is not None:
            owning = _replace(store, job, rule.id, key, owner, until)
        elif await _stay_out(store, job, rule.id, key, verdict, until):
            if rule.reschedules(verdict, state):
                await _reschedule(store, key.owner, job)
            return key.owner
        else:
            continue
        try:
            owns = await owning
        except Conflict:  # just now another job took the id of this one
            if not job.generated:
                store.emit("duplicated", jobId=job.job_id)
                return job.job_id
            await renumber(store, job)
            continue
        if owns:
            store.owners.remember(rule.id, job.job_id)
            return job.job_id


def _is_quick(store: QueueStore, job: NewJob) -> bool:
    """Whether it costs little if the job turns out to be a duplicate when it is being stored."""
    is_small = len(job.record.data) <= blobs.own_room(store)
    return is_small and is_quicker(store, [Entry(store, job)])


async def _look(store: QueueStore, rule: Rule) -> tuple[Key | None, Stored | None]:
    """The key, and the job that holds it if the rule has to know."""
    known, owner = store.owners.get(rule.id), None
    if known is None or not rule.needs_owner(rule.ttl_ms):
        key = await deduplication.read(store, rule.id)
    else:
        key, owner = await deduplication.look(store, rule.id, known)
    if key is None:
        return None, None
    store.owners.remember(rule.id, key.owner)
    if not rule.needs_owner(key.until_ms):
        return key, None
    if owner is None or key.owner != known:
        owner = await _owner_of(store, key)
    return key, owner


async def _owner_of(store: QueueStore, key: Key) -> Stored | None:
    """The job that holds the key; one on its way is stored first."""
    owner = await reading.find(store, key.owner)
    if owner is None and key.note:
        await help_on(store, key.note)
        owner = await reading.find(store, key.owner)
    return owner


async def _reschedule(store: QueueStore, owner: str, job: NewJob) -> None:
    """The owner gets the delay of the job it stands for, if it is delayed still."""
    delay = job.record.head.get("delay", 0)
    with suppress(JobError):
        await change_delay(store, owner, delay, int(job.record.given["timestamp"] + delay))


async def _own(
    store: QueueStore,
    job: NewJob,
    dedup_id: str,
    seq: int,
    until: int,
    along: Message | None = None,
) -> bool:
    """Stores job and key together (and `along`); False when any changed meanwhile, `Conflict` when
    another job has the id.
    """
    if job.place.level:
        await ensure_level(store, job.place.level)
    parent = await parentage.parent_of(store, job.record, job.job_id)
    if along is None and parent is None and is_quicker(store, [Entry(store, job)]):
        stored = await store_owner(store, job, dedup_id, until, seq)
        if stored and job.place.state == HEAD:
            await store.hint("head")
        return stored
    entry = deduplication.message(store, dedup_id, job.job_id, until, seq)
    messages = [entry, message_for(store, job)]
    if along is not None:
        messages.insert(0, along)
    if parent is not None:
        await parent.store.mark("families")
        if is_near(store, parent):
            messages.insert(0, expectation(parent))
        else:
            await expect_child(parent)
    try:
        with store.wire.pace.timed(False, len(messages)):
            is_gone = doubt_of(store, job)
            last = await commit(store.wire, store.names.space.jobs, messages, is_gone=is_gone)
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


async def _take_over(
    store: QueueStore, job: NewJob, dedup_id: str, key: Key | None, until: int
) -> bool:
    """The job becomes the owner, of a new key or of one that is free; False as above."""
    if not await _own(store, job, dedup_id, 0 if key is None else key.seq, until):
        return False
    if key is not None and key.pending is not None:  # it gives way to a later add
        await deduplication.forget(store, deduplication.forgotten(key.pending))
    return True


async def _replace(
    store: QueueStore, job: NewJob, dedup_id: str, key: Key, owner: Stored, until: int
) -> bool:
    """Removes the delayed owner, and the new job takes its place; False as above."""
    # In one step: whoever dies between the two would have lost the job that was there.
    gone = transition(store.names, key.owner, owner, owner.record.with_head({}), REMOVED)
    announced = job.on_stored

    def stored(seq: int) -> None:
        let_go(store, key.owner, owner.record)
        announce_replacement(store, job.job_id, dedup_id, key.owner)
        if announced is not None:
            announced(seq)

    job.on_stored = stored
    if await _own(store, job, dedup_id, key.seq, until, gone):
        return True
    job.on_stored = announced
    return False


async def _stay_out(
    store: QueueStore, job: NewJob, dedup_id: str, key: Key, verdict: Verdict, until: int
) -> bool:
    """The owner stands for the job, and the key learns what that changes; False when it has to be
    decided anew.
    """
    if verdict is Verdict.REMEMBER:
        pending = deduplication.remembered(job.job_id, job.record, key.pending)
        if not await deduplication.write(store, dedup_id, key.owner, until, key.seq, pending):
            return False
    else:
        if verdict is Verdict.EXTEND and not await deduplication.write(
            store, dedup_id, key.owner, until, key.seq, key.pending
        ):
            # Where another add did the same just now, once is enough; else the owner may be gone.
            now = await deduplication.read(store, dedup_id)
            if now is None or now.owner != key.owner or not now.until_ms:
                return False
        if job.generated:  # what was put beside it, when another add was quicker
            let_go(store, job.job_id, job.record)
    if verdict is not Verdict.SILENT:
        announce_duplicate(store, job.job_id, dedup_id, key.owner)
    return True


async def free_by_hand(store: QueueStore, dedup_id: str, owner: str | None = None) -> int:
    """Frees the id (of that owner, if given): 1, or 0 when nobody has it.

    An owner that is on its way and may be an add that was kept is stored first: without its key it
    would count as never added.
    """
    key = await deduplication.read(store, dedup_id)
    if key is not None and key.note and owner in (None, key.owner):
        note = await note_reading.find(store, key.note)
        rules = [] if note is None else [rule_of(entry.job.record.opts) for entry in note.jobs]
        if any(rule is not None and rule.keep_last for rule in rules):
            await help_on(store, key.note)
    return await deduplication.free_by_hand(store, dedup_id, owner)


async def on_finished(store: QueueStore, job_id: str, dedup_id: str) -> None:
    """Frees the key of a finished owner, or starts the job remembered for it."""
    while (key := await deduplication.read(store, dedup_id)) is not None:
        if key.holder != job_id:
            return
        if key.pending is None:
            subject = store.names.aux("dedup", dedup_id)
            if key.until_ms or await store.purge(subject, seq=key.seq + 1):
                return
            continue  # an add that saw the owner at work has written to the key since
        # Refused where an add that saw the owner at work was remembered only now.
        if await _start_remembered(store, dedup_id, key, key.pending):
            return


async def start_kept(store: QueueStore, dedup_id: str, key: Key, owner: Stored | None) -> bool:
    """Starts what is kept behind an owner that has ended, where whoever ended that one has not come
    to it yet. False where nothing is, or its id is another job's: then it gives way.
    """
    if key.pending is None or not key.owner or not await _has_ended(store, key.owner, owner):
        return False
    with suppress(Conflict):
        await on_finished(store, key.owner, dedup_id)
        return True
    return False


async def _has_ended(store: QueueStore, job_id: str, owner: Stored | None) -> bool:
    """Whether the job has finished; not, where somebody removed it."""
    if owner is not None:
        return public_state_of(owner.subject) in ("completed", "failed")
    newest = await store.newest(job_id)
    if newest is None:
        return True
    return state_of(newest.subject) == GONE and bool(Record.read(newest.data).head)


async def _start_remembered(
    store: QueueStore, dedup_id: str, key: Key, pending: dict[str, Any]
) -> bool:
    await store.ids.take()  # BullMQ uses up another number here
    payload = pending["record"].encode("utf-8", "surrogatepass")
    now = now_ms()
    record = Record.decode(payload).with_given(timestamp=now)
    place = place_as_of(now, record)
    fresh = NewJob(pending["id"], record, place, True)
    fresh.on_stored = lambda _: announce(store, fresh.job_id, record, place)
    if not await _own(store, fresh, dedup_id, key.seq, 0):
        return False
    if place.due_ms:
        store.promoter.arm(fresh.job_id, place.due_ms)
    await deduplication.forget(store, deduplication.superseded(pending))
    return True


__all__ = ["add", "free_by_hand", "on_finished", "start_kept"]
