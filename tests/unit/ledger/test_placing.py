"""Where a job goes: its subject, and the headers that make that state what it is."""

from __future__ import annotations

import pytest

from jetbull.ledger.messages.clock import FAR_FUTURE_MS, at
from jetbull.ledger.messages.names import COMPLETED, FAILED, OPEN, Space
from jetbull.ledger.messages.placing import (
    DONE,
    GRACE_MS,
    REMOVED,
    WAITING_CHILDREN,
    Place,
    active,
    address,
    delayed,
    in_front,
    placed,
    promoted,
    reprioritized,
    turn,
    unsettled,
    waiting,
)
from jetbull.ledger.messages.record import Record

NAMES = Space("bull").queue("q")
ROOT = "jb.bull.q"
OVERDUE, LATE = 1_000, 4_102_444_800_000  # 1970 and 2100


@pytest.mark.parametrize(
    ("place", "subject"),
    [
        (waiting(), "wait.-"),
        (waiting(7), "prio.7"),
        (in_front(7), "prio.-7"),
        (promoted(), "wait.r"),
        (promoted(7), "prio.7"),
        (DONE[COMPLETED], "completed.-"),
        (DONE[FAILED], "failed.-"),
    ],
)
def test_what_rests_is_a_plain_message_that_nothing_removes(place: Place, subject: str) -> None:
    assert address(NAMES, "1", place) == (f"{ROOT}.{subject}.1", {})


@pytest.mark.parametrize(
    ("place", "subject", "due_ms", "target"),
    [
        (waiting(lifo=True), "head.-", FAR_FUTURE_MS, "stalled.-"),
        (in_front(), "head.-", FAR_FUTURE_MS, "stalled.-"),
        (WAITING_CHILDREN, "children.-", FAR_FUTURE_MS, "stalled.-"),
        (active(LATE), "active.-", LATE, "stalled.-"),
        (active(LATE, "-"), "active.r", LATE, "stalled.-"),
        (delayed(LATE), "delayed.-", LATE, "wait.-"),
        (delayed(LATE, 7), "delayed.-", LATE, "prio.7"),
        (delayed(OVERDUE), "delayed.-", OVERDUE + GRACE_MS, "wait.-"),
        (unsettled(FAILED, LATE), f"failed.{OPEN}", LATE, "settle.failed"),
    ],
)
def test_what_has_to_move_on_is_a_schedule_that_moves_it(
    place: Place, subject: str, due_ms: int, target: str
) -> None:
    schedule = {"Nats-Schedule": at(due_ms), "Nats-Schedule-Target": f"{ROOT}.{target}.1"}
    assert address(NAMES, "1", place) == (f"{ROOT}.{subject}.1", schedule)


def test_a_tombstone_goes_by_itself() -> None:
    assert address(NAMES, "1", REMOVED) == (f"{ROOT}.gone.-.1", {"Nats-TTL": "45s"})


@pytest.mark.parametrize(
    ("place", "priority", "then"),
    [
        (waiting(), 0, waiting()),
        (waiting(), 5, waiting(5)),
        (waiting(lifo=True), 5, waiting(5)),
        (waiting(2), 0, waiting()),
        (waiting(2), 5, waiting(5)),
        (in_front(2), 5, in_front(5)),
        (in_front(2), 0, in_front()),
        (delayed(LATE, 2, "r"), 5, delayed(LATE, 5, "r")),
        (delayed(LATE, 2), 0, delayed(LATE)),
        (DONE[FAILED], 5, DONE[FAILED]),
        (active(LATE), 5, active(LATE)),
    ],
)
def test_a_priority_that_was_changed_meanwhile_changes_where_a_job_waits_and_nothing_else(
    place: Place, priority: int, then: Place
) -> None:
    assert reprioritized(place, priority) == then


def test_the_lanes_of_a_jobs_schedules_take_turns() -> None:
    assert [turn(""), turn("-"), turn("r")] == ["-", "r", "-"]


@pytest.mark.parametrize(
    ("place", "adds"),
    [
        (delayed(LATE), {"after": 9, "due": LATE}),
        (active(LATE), {"after": 9}),
        (unsettled(COMPLETED, LATE), {"after": 9}),
        (waiting(), {}),
        (DONE[COMPLETED], {}),
    ],
)
def test_a_schedule_names_the_message_it_stands_behind_and_what_rests_names_none(
    place: Place, adds: dict[str, int]
) -> None:
    record = Record.new({"name": "job"}, b"1", {"progress": 3, "after": 4, "due": 5})
    assert placed(record, place, 9).head == {"progress": 3, **adds}
    assert record.head == {"progress": 3, "after": 4, "due": 5}
