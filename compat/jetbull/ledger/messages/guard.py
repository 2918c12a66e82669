"""Headers of a transition: what must still be true, when it fires, which timer it ends.

All are JetStream's own (docs.nats.io, ADR-50 batches, ADR-51 schedules); nothing here is ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from jetbull.ledger.messages.clock import at, parse_ms

_EXPECT = "Nats-Expected-Last-Subject-Sequence"
_EXPECT_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"

_CALLED = "Nats-Msg-Id"
_BEHIND = "Nats-Expected-Last-Msg-Id"

OUT_OF_ROW = 10070  # the server's error where something else was stored last

HeaderMap = dict[str, str]


def expect(headers: HeaderMap, subject: str, seq: int) -> None:
    """Refuse (10071) unless the last message on `subject` (wildcards allowed) is `seq`; 0: none."""
    headers[_EXPECT] = str(seq)
    headers[_EXPECT_SUBJECT] = subject


def expected(subject: str, seq: int) -> HeaderMap:
    """The headers of a message that is refused by `expect` alone."""
    headers: HeaderMap = {}
    expect(headers, subject, seq)
    return headers


def guard_of(headers: HeaderMap) -> tuple[str, int]:
    """What `expect` said: subject and sequence."""
    return headers[_EXPECT_SUBJECT], int(headers[_EXPECT])


def same_guard(headers: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether both demand the same sequence, or none.

    Two processes may send the same words for a step, each behind another message of the job.
    """
    return headers.get(_EXPECT) == others.get(_EXPECT)


def timer(headers: HeaderMap, due_ms: int, target: str) -> None:
    """Make the message a schedule: at `due_ms` it leaves and its payload appears on `target`."""
    headers["Nats-Schedule"] = at(due_ms)
    headers["Nats-Schedule-Target"] = target


def due_of(headers: Mapping[str, str]) -> int | None:
    """When a stored schedule leaves (ms); None for a message that `timer` did not make one."""
    moment = headers.get("Nats-Schedule", "")
    return parse_ms(moment[4:]) if moment.startswith("@at ") else None


def drop(headers: HeaderMap, schedule_subject: str, seq: int) -> None:
    """Remove the schedule on `schedule_subject`, if it is still `seq`, in the same step."""
    headers["Nats-Scheduler"] = schedule_subject
    headers["Nats-Schedule-Next"] = "purge"
    expect(headers, schedule_subject, seq)


def in_row(headers: HeaderMap, behind: str, called: str) -> HeaderMap:
    """The headers of a message that the next one names as `called`, and that is refused (10070)
    unless the one called `behind` was stored last of all; "" for neither.
    """
    row = {_CALLED: called, _BEHIND: behind}
    return {**headers, **{name: value for name, value in row.items() if value}}


def vanish(headers: HeaderMap, seconds: int) -> None:
    """The server removes the message after so many seconds."""
    headers["Nats-TTL"] = f"{seconds}s"


__all__ = [
    "OUT_OF_ROW",
    "HeaderMap",
    "drop",
    "due_of",
    "expect",
    "expected",
    "guard_of",
    "in_row",
    "same_guard",
    "timer",
    "vanish",
]
