"""What belongs to jobs that no longer exist: logs, payloads, patches, dependency books.

Nothing leaves such traces in ordinary life; a process that died between two steps may.

Payloads and books are stored before their job is. So those of a job that is on its way are nobody's
for that time, and for longer where the job was noted, is part of a large bulk, or is kept by
`keepLastIfActive` until another one has finished.
"""

from __future__ import annotations

from jetbull.ledger.adding import deduplication, note_reading
from jetbull.ledger.belongings import belongings
from jetbull.ledger.belongings.belongings import Piece
from jetbull.ledger.job import reading
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.names import last_token, owner_of
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.paging import read_all
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import listing

_CHUNK = 500
_ON_ITS_WAY_MS = 3_600_000  # no add takes longer than that from its payload to its job


async def remove(store: QueueStore, limit: int) -> int:
    """Removes the traces of at most `limit` (0: all) missing jobs; how many jobs had some."""
    suspects = sorted(await _owners_of_traces(store))
    removed = 0
    for start in range(0, len(suspects), _CHUNK):
        left = limit - removed if limit else 0
        removed += await remove_of(store, suspects[start : start + _CHUNK], left)
        if limit and removed >= limit:
            break
    return removed


async def remove_of(store: QueueStore, suspects: list[str], limit: int = 0) -> int:
    """Removes the traces of those of the jobs that are missing, of at most `limit` (0: all)."""
    found = await belongings.look(store, suspects)
    # Before the jobs: one that is no longer on its way is there.
    awaited = await _on_their_way(store) if found else set()
    living = await reading.find_or_ask(store, suspects)
    removed = 0
    for job_id in suspects:
        if job_id in living or not await _is_forgotten(store, job_id, found, awaited):
            continue
        await belongings.remove(store, found, [job_id])
        removed += 1
        if limit and removed >= limit:
            break
    return removed


async def _is_forgotten(
    store: QueueStore, job_id: str, found: belongings.Found, awaited: set[str] | None
) -> bool:
    """Whether nobody is going to store the job."""
    ahead = [piece for piece in found.get(job_id, ()) if piece.stream != store.names.space.logs]
    if not ahead:
        return True
    if awaited is None or job_id in awaited:
        return False
    return not any([await _is_young(store, piece) for piece in ahead])


async def _is_young(store: QueueStore, piece: Piece) -> bool:
    newest = await store.wire.get_at(piece.stream, piece.end - 1)
    return newest is not None and now_ms() - parse_ms(newest.time) < _ON_ITS_WAY_MS


async def _on_their_way(store: QueueStore) -> set[str] | None:
    """The jobs of the queue that are to be stored; None while there may be any others as well."""
    if await list_subjects(store, store.names.space.all_parts()):
        return None
    kept = await read_all(store, store.names.all_aux("dedup"))
    ids = {str(body["next"]["id"]) for m in kept if "next" in (body := deduplication.body_of(m))}
    noted = await note_reading.held(store)
    return ids | {job_id for queue, job_id in noted if queue == store.names.qualified}


async def _owners_of_traces(store: QueueStore) -> set[str]:
    names = store.names
    patches = await list_subjects(store, names.all_aux("patch"))
    owners = {last_token(subject) for subject in patches}
    for stream, pattern in (
        (names.space.jobs, names.all_dependencies()),
        (names.space.logs, names.all_logs()),
        (names.space.objects, names.all_objects()),
    ):
        owners |= set(map(owner_of, await listing.subjects(store.wire, stream, pattern)))
    return owners


__all__ = ["remove", "remove_of"]
