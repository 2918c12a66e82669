"""Reading jobs: where one is, and what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jetbull.ledger.job.patches import fold
from jetbull.ledger.messages.clock import parse_ms
from jetbull.ledger.messages.names import GONE, last_token, public_state_of, state_of
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.replicas import read_latest
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_AT_ONCE = 250  # jobs per question, with two subjects each


def as_stored(found: StoredMessage) -> Stored:
    """The job that a message of the stream holds."""
    return Stored(found.subject, found.seq, Record.read(found.data), parse_ms(found.time))


async def last_message(store: QueueStore, job_id: str) -> StoredMessage | None:
    """The newest message of a job, tombstones included."""
    found = await read_latest(store, [store.names.any_state(job_id)])
    return max(found, key=lambda m: m.seq, default=None)


async def find(store: QueueStore, job_id: str) -> Stored | None:
    """The job as it is now, or None."""
    return job_of(store, job_id, await read_latest(store, subjects_of(store, job_id)))


def subjects_of(store: QueueStore, job_id: str) -> list[str]:
    """What `job_of` has to know the last messages of."""
    return [store.names.any_state(job_id), store.names.aux("patch", job_id)]


def _subjects_of_all(store: QueueStore, job_ids: Iterable[str]) -> list[str]:
    """Those of one job stand together, so that one answer tells of both."""
    return [subject for job_id in job_ids for subject in subjects_of(store, job_id)]


def job_of(store: QueueStore, job_id: str, found: Sequence[StoredMessage]) -> Stored | None:
    """The job that these messages tell of, all of them its own, or None."""
    patch_subject = store.names.aux("patch", job_id)
    versions = (m for m in found if m.subject != patch_subject)
    newest = max(versions, key=lambda m: m.seq, default=None)
    if newest is None or state_of(newest.subject) == GONE:
        return None
    stored = as_stored(newest)
    for message in found:
        if message.subject == patch_subject:
            return stored._replace(record=fold(stored.record, stored.seq, message))
    return stored


async def find_many(
    store: QueueStore, job_ids: Iterable[str], known: Mapping[str, Stored] | None = None
) -> dict[str, Stored]:
    """Those of the jobs that exist, by id.

    Of a `known` one that is as it was nothing is read anew but its patch.
    """
    ids = list(dict.fromkeys(job_ids))
    patch = store.names.all_aux("patch")[:-1]
    newest: dict[str, StoredMessage] = {}
    patches: dict[str, StoredMessage] = {}
    for message in await read_last(store, _subjects_of_all(store, ids)):
        job_id = last_token(message.subject)
        place = patches if message.subject.startswith(patch) else newest
        if job_id not in place or place[job_id].seq < message.seq:
            place[job_id] = message
    jobs: dict[str, Stored] = {}
    for job_id, message in newest.items():
        before = None if known is None else known.get(job_id)
        if before is not None and (before.seq, before.subject) == (message.seq, message.subject):
            jobs[job_id] = before
        elif state_of(message.subject) != GONE:
            jobs[job_id] = as_stored(message)
    for job_id in jobs.keys() & patches.keys():
        stored = jobs[job_id]
        folded = fold(stored.record, stored.seq, patches[job_id])
        jobs[job_id] = stored._replace(record=folded)
    return jobs


async def find_or_ask(store: QueueStore, job_ids: Iterable[str]) -> dict[str, Stored]:
    """As `find_many`, for whoever removes what a missing job has left: a server of a cluster that
    stood still may know of what was left and not of the job, so the leader is asked for that.
    """
    ids = list(job_ids)
    jobs = await find_many(store, ids)
    if store.wire.is_clustered:
        missing = [job_id for job_id in ids if job_id not in jobs]
        asked = await store.wire.together(*(find(store, job_id) for job_id in missing))
        jobs.update((i, job) for i, job in zip(missing, asked, strict=True) if job is not None)
    return jobs


async def find_still(store: QueueStore, job_ids: Iterable[str]) -> dict[str, Stored]:
    """As `find_many`, for whoever does not store a job because one of its id is there: a server of
    a cluster that is behind may not know yet that it was removed, so the leader is asked for that.
    """
    jobs = await find_many(store, job_ids)
    return jobs and await _confirmed(store, jobs, list(jobs))


async def find_now(store: QueueStore, job_ids: Iterable[str]) -> dict[str, Stored]:
    """As `find_many`, as the stream's leader knows the jobs: for whoever removes what is not there,
    or not as it should be. In a cluster that is one question for each job.
    """
    ids = list(dict.fromkeys(job_ids))
    return await _confirmed(store, await find_many(store, ids), ids)


async def _confirmed(
    store: QueueStore, jobs: dict[str, Stored], job_ids: Sequence[str]
) -> dict[str, Stored]:
    """The jobs of these ids as the leader knows them, of which a server knew those."""
    if not store.wire.is_clustered:
        return jobs
    newest = await store.wire.together(*(store.newest(job_id) for job_id in job_ids))
    others: list[str] = []
    for job_id, message in zip(job_ids, newest, strict=True):
        if message is None or state_of(message.subject) == GONE:
            jobs.pop(job_id, None)
        elif job_id not in jobs or jobs[job_id].seq != message.seq:
            others.append(job_id)
    found = await store.wire.together(*(find(store, job_id) for job_id in others))
    jobs.update((i, job) for i, job in zip(others, found, strict=True) if job is not None)
    return jobs


async def find_unchanged(store: QueueStore, known: Mapping[str, Stored]) -> dict[str, Stored]:
    """Those of the jobs whose newest message is the known one, with what was written beside them.

    Asked of a server that holds all that these messages came from. As the sequences of what the
    known ones came with are known, the server is asked only for what lies behind the first other.
    """
    ids = sorted(known, key=lambda job_id: known[job_id].seq)
    same = dict(known)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        other = _first_other(known[i].seq for i in some)
        query = {"multi_last": _subjects_of_all(store, some), "seq": other}
        for message in await store.wire.get_batch(store.names.space.jobs, query):
            job_id = last_token(message.subject)
            if job_id not in same or message.seq <= known[job_id].seq:
                continue
            if state_of(message.subject) == "patch":
                stored = known[job_id]
                same[job_id] = stored._replace(record=fold(stored.record, stored.seq, message))
            else:
                del same[job_id]
    return same


def _first_other(seqs: Iterable[int]) -> int:
    """The first sequence behind the first of these, in their order, that is none of them."""
    other = 0
    for seq in seqs:
        if other and seq != other:
            break
        other = seq + 1
    return other


async def newest_of(store: QueueStore, job_ids: Sequence[str]) -> dict[str, StoredMessage]:
    """The newest message of each of the jobs, tombstones included."""
    newest: dict[str, StoredMessage] = {}
    for found in await read_last(store, [store.names.any_state(i) for i in job_ids]):
        job_id = last_token(found.subject)
        if job_id not in newest or newest[job_id].seq < found.seq:
            newest[job_id] = found
    return newest


async def broken(store: QueueStore, guards: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those of the guards `(subject, sequence)` that do not hold; subjects without wildcards."""
    asked = list(guards)
    found = await read_last(store, [subject for subject, _ in asked])
    last = {message.subject: message.seq for message in found}
    return [(subject, seq) for subject, seq in asked if last.get(subject, 0) != seq]


async def state(store: QueueStore, job_id: str) -> str:
    """BullMQ's state, or `unknown`."""
    newest = await last_message(store, job_id)
    return "unknown" if newest is None else public_state_of(newest.subject)


__all__ = [
    "as_stored",
    "broken",
    "find",
    "find_many",
    "find_now",
    "find_or_ask",
    "find_still",
    "find_unchanged",
    "job_of",
    "last_message",
    "newest_of",
    "state",
    "subjects_of",
]
