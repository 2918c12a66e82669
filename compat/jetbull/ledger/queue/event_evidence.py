"""What the events tell of a job, where its own messages do not."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from time import monotonic

from jetbull.errors import AckTimeout
from jetbull.ledger.messages.clock import parse_ms
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.store.paging import read_last
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import decode

_ENDS = frozenset({"completed", "failed", "removed"})
_OF_OTHERS = frozenset({"duplicated", "deduplicated", "debounced"})  # adds the job stands for
_PAGE = 256
_PATIENCE = 20.0  # with a server of a cluster that is behind
_PAUSE_SECONDS = 0.01


async def ended_since(store: QueueStore, job_id: str, moment: str) -> bool:
    """Whether the job completed, failed or was removed after `moment`, the time of a message.

    Events follow the stored step, so there is none of what did not happen; there may be none of
    what did, since old ones go.
    """
    told = await _told_since(store, {job_id}, moment)
    return not _ENDS.isdisjoint(told.get(job_id, ()))


async def came_and_went(store: QueueStore, job_ids: Collection[str], moment: str) -> set[str]:
    """Those of the jobs that were stored after `moment` and of which nothing is left.

    A finished job that is no longer kept leaves no tombstone: only the events know of it. In a
    cluster they are asked of all the jobs, for a server that is behind holds some that are gone;
    and so those count as well that have begun to run.
    """
    missing = set(job_ids)
    if not store.wire.is_clustered:
        there = await read_last(store, [store.names.any_state(i) for i in job_ids])
        missing -= {last_token(m.subject) for m in there}
    if not missing:
        return set()
    told = await _told_since(store, missing, moment)
    return {job_id for job_id, events in told.items() if events - _OF_OTHERS}


async def _told_since(
    store: QueueStore, job_ids: Collection[str], moment: str
) -> dict[str, set[str]]:
    """The names of the events of each of the jobs that there are since `moment`."""
    told: dict[str, set[str]] = {}
    wire, stream, subject = store.wire, store.names.space.events, store.names.events
    query = {"next_by_subj": subject, "start_time": moment, "batch": _PAGE}
    seen, deadline = 0, monotonic() + _PATIENCE
    while True:
        newest = await wire.get_last(stream, subject) if wire.is_clustered else None
        found = await wire.get_batch(stream, query)
        for message in found:
            for event in decode(message.data):
                job_id = str(event.get("jobId"))
                if job_id in job_ids:
                    told.setdefault(job_id, set()).add(event["event"])
        if found:
            seen = found[-1].seq
            query = {"next_by_subj": subject, "seq": seen + 1, "batch": _PAGE}
        if found and found[-1].pending:
            continue
        if newest is None or newest.seq <= seen or parse_ms(newest.time) < parse_ms(moment):
            return told
        # The copy that answered is behind: what it lacks may be what is looked for.
        if monotonic() > deadline:
            raise AckTimeout(
                f"A NATS server of the cluster at {wire.url} is far behind the others: it is not "
                "known what became of jobs whose answer was lost."
            )
        await asyncio.sleep(_PAUSE_SECONDS)


__all__ = ["came_and_went", "ended_since"]
