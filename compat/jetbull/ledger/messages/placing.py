"""Where a job goes next: its subject and the headers that make that state what it is."""

from __future__ import annotations

from typing import NamedTuple

from jetbull.ledger.messages.clock import FAR_FUTURE_MS, now_ms
from jetbull.ledger.messages.guard import HeaderMap, timer, vanish
from jetbull.ledger.messages.names import (
    ACTIVE,
    CHILDREN,
    COMPLETED,
    DELAYED,
    FAILED,
    GONE,
    HEAD,
    OPEN,
    PRIO,
    SETTLE,
    STALLED,
    WAIT,
    QueueNames,
)
from jetbull.ledger.messages.record import Record

#: Longer than anything may be repeated that was sent before the job was removed: an add or a
#: transition whose answer was lost (5 s to notice, 30 s of patience), a ticket (5 s).
TOMBSTONE_SECONDS = 45
SETTLE_MS = 10_000
#: A job that is due so soon is promoted by the process that stored it (`promoter`), which also
#: tells of it; the server's schedule comes a little later, should that process be gone.
HORIZON_MS = 10_000
_OF_SCHEDULES = ("after", "due")
GRACE_MS = 40


class Place(NamedTuple):
    """A state and, where the state has lanes, the lane."""

    state: str
    lane: str = "-"
    due_ms: int = 0
    target: str = ""
    is_front: bool = False  # before its equals, whatever its priority turns out to be

    @property
    def level(self) -> str:
        """The priority level the job waits in, or will when it is due; "" for none."""
        return self.lane if self.state == PRIO else self.target


_AT_HEAD, _AT_TAIL, _IN_FRONT = Place(HEAD), Place(WAIT), Place(HEAD, is_front=True)


def waiting(priority: int = 0, lifo: bool = False) -> Place:
    """Ready to run: by priority, at the head (lifo) or at the tail."""
    if priority > 0:
        return Place(PRIO, str(priority))
    return _AT_HEAD if lifo else _AT_TAIL


def promoted(priority: int = 0) -> Place:
    """Where a delayed job waits that is promoted: as `waiting`, but on another lane than the one
    onto which its schedule fires. The schedule may fire all the same, and neither message may
    overwrite the other (see `turn`).
    """
    return waiting(priority) if priority > 0 else Place(WAIT, turn("-"))


def in_front(priority: int = 0) -> Place:
    """Ready to run before all others, or before all others of the priority."""
    return Place(PRIO, str(-priority), is_front=True) if priority > 0 else _IN_FRONT


def rank(level: int) -> tuple[int, int]:
    """The order of priority levels; -p is what stands in front of p."""
    return abs(level), level


def delayed(due_ms: int, priority: int = 0, before: str = "") -> Place:
    """Ready at `due_ms`: then at the tail, or by priority; `before` as in `active`.

    The due time is no lane: every guard looks through all lanes for its job, so that each add would
    take longer with each delayed job there is.
    """
    return Place(DELAYED, turn(before), due_ms, str(priority) if priority > 0 else "")


def placed(record: Record, place: Place, after: int) -> Record:
    """The record as it is stored in `place`, behind the job's message `after` (0: none).

    What may fire names that message (`late` says why), and what is delayed its due time.
    """
    if place.state == DELAYED:
        return record.with_head({**record.head, "due": place.due_ms, "after": after})
    if place.state == ACTIVE or place.lane == OPEN:
        head = {**record.head, "after": after}
        head.pop("due", None)
        return record.with_head(head)
    if "after" in record.head:
        return record.with_head({k: v for k, v in record.head.items() if k not in _OF_SCHEDULES})
    return record


def reprioritized(place: Place, priority: int) -> Place:
    """The same step for a job whose priority was changed by somebody else meanwhile."""
    if place.state == DELAYED:
        return delayed(place.due_ms, priority)._replace(lane=place.lane)
    if place.state == PRIO or (priority > 0 and place.state in (WAIT, HEAD)):
        return in_front(priority) if place.is_front else waiting(priority)
    return place


def active(expires_ms: int, before: str = "") -> Place:
    """Held until `expires_ms`; `before` is the lane of the message this one renews."""
    return Place(ACTIVE, turn(before), expires_ms)


def turn(before: str) -> str:
    """The lane of a schedule that takes the place of the job's one in the lane `before`.

    The two lanes take turns, so that a message removes its predecessor instead of overwriting it:
    after kill -9 nats-server gives back messages that were overwritten when the one that did so
    has been removed since.
    """
    return "r" if before == "-" else "-"


WAITING_CHILDREN = Place(CHILDREN)
DONE = {COMPLETED: Place(COMPLETED), FAILED: Place(FAILED)}
REMOVED = Place(GONE)


def unsettled(state: str, due_ms: int) -> Place:
    """Finished, but the parent has to be told; becomes a ticket if the teller dies."""
    return Place(state, OPEN, due_ms)


def address(names: QueueNames, job_id: str, place: Place) -> tuple[str, HeaderMap]:
    """Subject and headers of a job in `place`."""
    subject = names.job(place.state, job_id, place.lane)
    headers: HeaderMap = {}
    if place.state == ACTIVE:
        timer(headers, place.due_ms, names.job(STALLED, job_id))
    elif place.state == DELAYED:
        target = names.job(PRIO, job_id, place.target) if place.target else names.job(WAIT, job_id)
        near = place.due_ms - now_ms() <= HORIZON_MS
        timer(headers, place.due_ms + (GRACE_MS if near else 0), target)
    elif place.state in (HEAD, CHILDREN):
        timer(headers, FAR_FUTURE_MS, names.job(STALLED, job_id))
    elif place.lane == OPEN:
        timer(headers, place.due_ms, names.job(SETTLE, job_id, place.state))
    elif place.state == GONE:
        vanish(headers, TOMBSTONE_SECONDS)
    return subject, headers


__all__ = [
    "DONE",
    "GRACE_MS",
    "HORIZON_MS",
    "REMOVED",
    "SETTLE_MS",
    "TOMBSTONE_SECONDS",
    "WAITING_CHILDREN",
    "Place",
    "active",
    "address",
    "delayed",
    "in_front",
    "placed",
    "promoted",
    "rank",
    "reprioritized",
    "turn",
    "unsettled",
    "waiting",
]
