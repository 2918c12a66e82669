"""Whether jobs are taken when their records say: the server goes by timers, workers by levels."""

from __future__ import annotations

from collections.abc import Mapping

from bull2jet.target.records import UNREADABLE
from jetbull.ledger.messages.clock import FAR_FUTURE_MS, parse_ms
from jetbull.ledger.messages.names import DELAYED, PRIO, lane_of, last_token, state_of
from jetbull.ledger.messages.placing import GRACE_MS
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.queue import counting
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

_PAGE = 500
_AT = "@at "


async def mistimed(store: QueueStore, jobs: Mapping[str, Stored]) -> set[str]:
    """Ids of those delayed jobs that would come at another time, or as another job, and of those
    with a priority that no worker would ask for.
    """
    wanted: dict[str, tuple[str, Stored]] = {}
    found: set[str] = set()
    levels = _Levels(store)
    for job_id, stored in jobs.items():
        if state_of(stored.subject) == DELAYED:
            wanted[stored.subject] = job_id, stored
        elif state_of(stored.subject) == PRIO and not (
            _is_its_line(stored.subject, stored) and await levels.know(stored.subject)
        ):
            found.add(job_id)
    subjects = list(wanted)
    for start in range(0, len(subjects), _PAGE):
        query = {"multi_last": subjects[start : start + _PAGE]}
        for message in await store.wire.get_batch(store.names.space.jobs, query):
            job_id, stored = wanted[message.subject]
            goal = message.headers.get("Nats-Schedule-Target", "")
            root = store.names.root
            fits = _fits(message, goal, root, job_id, stored) and await levels.know(goal)
            if message.seq == stored.seq and not fits:
                found.add(job_id)
    return found


class _Levels:
    """The priorities that workers ask for, read when the first job has one."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._known: set[str] | None = None

    async def know(self, subject: str) -> bool:
        """Whether a job on this subject would be asked for."""
        if state_of(subject) != PRIO:
            return True
        if self._known is None:
            self._known = set(map(str, await counting.levels(self._store)))
        return lane_of(subject) in self._known


def _fits(message: StoredMessage, goal: str, root: str, job_id: str, stored: Stored) -> bool:
    timer = message.headers.get("Nats-Schedule", "")
    if not timer.startswith(_AT) or not goal.startswith(f"{root}.") or last_token(goal) != job_id:
        return False
    if not _is_its_line(goal, stored):
        return False
    try:
        due = min(int(stored.record.head["due"]), FAR_FUTURE_MS)
        return due <= parse_ms(timer.removeprefix(_AT)) <= due + GRACE_MS
    except UNREADABLE:
        return False


def _is_its_line(subject: str, stored: Stored) -> bool:
    """Whether the job waits, or will wait, with those of its priority."""
    lane = lane_of(subject) if state_of(subject) == PRIO else "0"
    try:
        return abs(int(lane)) == int(stored.record.head.get("priority") or 0)
    except UNREADABLE:
        return False


__all__ = ["mistimed"]
