"""What belongs to jobs that no longer exist: logs, payloads, patches, dependency books.

Nothing leaves such traces in ordinary life; a process that died between two steps may.
"""

from __future__ import annotations

from jetbull.ledger.belongings import belongings
from jetbull.ledger.job import reading
from jetbull.ledger.messages.tokens import unescape
from jetbull.ledger.queue.counting import list_subjects
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import listing

_ID_OF_DEPENDENCY = 3  # jbd.<prefix>.<queue>.<parent>.<kind>.<child>
_ID_OF_TRACE = 3  # jbl.<prefix>.<queue>.<job>, jbo.<prefix>.<queue>.<job>.…
_CHUNK = 500


async def remove(store: QueueStore, limit: int) -> int:
    """Removes the traces of at most `limit` (0: all) missing jobs; how many jobs had some."""
    suspects = sorted(await _owners_of_traces(store))
    removed = 0
    for start in range(0, len(suspects), _CHUNK):
        chunk = suspects[start : start + _CHUNK]
        left = await belongings.look(store, chunk)
        living = await reading.find_or_ask(store, chunk)
        for job_id in chunk:
            if job_id in living:
                continue
            if limit and removed >= limit:
                return removed
            await belongings.remove(store, left, [job_id])
            removed += 1
    return removed


async def _owners_of_traces(store: QueueStore) -> set[str]:
    names = store.names
    owners: set[str] = set()
    for subject in await list_subjects(store, names.all_aux("patch")):
        owners.add(unescape(subject.rsplit(".", 1)[1]))
    for subject in await list_subjects(store, names.all_dependencies()):
        owners.add(unescape(subject.split(".")[_ID_OF_DEPENDENCY]))
    for stream, pattern in (
        (names.space.logs, names.all_logs()),
        (names.space.objects, names.all_objects()),
    ):
        for subject in await listing.subjects(store.wire, stream, pattern):
            owners.add(unescape(subject.split(".")[_ID_OF_TRACE]))
    return owners


__all__ = ["remove"]
