"""Whether delayed jobs will leave when their records say: the server goes by their timers alone."""

from __future__ import annotations

from collections.abc import Mapping

from bull2jet.target.records import UNREADABLE
from jetbull.ledger import wire as _wire
from jetbull.ledger.messages.clock import FAR_FUTURE_MS, parse_ms
from jetbull.ledger.messages.names import DELAYED, last_token, state_of
from jetbull.ledger.messages.placing import GRACE_MS
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.store import QueueStore

_PAGE = 500
_AT = "@at "


async def mistimed(store: QueueStore, jobs: Mapping[str, Stored]) -> set[str]:
    """Ids of those delayed jobs that would come at another time, or as another job."""
    wanted = {
        stored.subject: (job_id, stored)
        for job_id, stored in jobs.items()
        if state_of(stored.subject) == DELAYED
    }
    subjects = list(wanted)
    found: set[str] = set()
    for start in range(0, len(subjects), _PAGE):
        query = {"multi_last": subjects[start : start + _PAGE]}
        for message in await store.wire.get_batch(store.names.space.jobs, query):
            job_id, stored = wanted[message.subject]
            if message.seq == stored.seq and not _fits(message, store.names.root, job_id, stored):
                found.add(job_id)
    return found


def _fits(message: _wire.Stored, root: str, job_id: str, stored: Stored) -> bool:
    timer = message.headers.get("Nats-Schedule", "")
    goal = message.headers.get("Nats-Schedule-Target", "")
    if not timer.startswith(_AT) or not goal.startswith(f"{root}.") or last_token(goal) != job_id:
        return False
    try:
        due = min(int(stored.record.head["due"]), FAR_FUTURE_MS)
        return due <= parse_ms(timer.removeprefix(_AT)) <= due + GRACE_MS
    except UNREADABLE:
        return False


__all__ = ["mistimed"]
