"""What becomes of an add under a deduplication rule (BullMQ section 'deduplication': simple,
throttle, debounce, replace, keepLastIfActive): decided here, from facts alone, for one job and for
many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from jetbull.checks import numeral
from jetbull.errors import ConfigurationError
from jetbull.ledger.adding.deduplication import holds
from jetbull.options import check_number

_LONGEST_MS = 100 * 365 * 86_400_000  # the server takes no more than 292 years


@dataclass(frozen=True, slots=True)
class Rule:
    """`opts.deduplication`, checked."""

    id: str
    ttl_ms: int
    extend: bool
    replace: bool
    keep_last: bool
    reschedule: bool = False

    def needs_owner(self, until_ms: int) -> bool:
        """Whether the state of the owner matters, of a key that ends at `until_ms`."""
        return not until_ms or self.replace or self.keep_last or self.reschedule

    def reschedules(self, verdict: Verdict, state: str | None) -> bool:
        """Whether the owner, which is in that state, gets the delay of the job that is added."""
        is_duplicate = verdict in (Verdict.DUPLICATE, Verdict.EXTEND)
        return self.reschedule and is_duplicate and state == "delayed"


class Verdict(Enum):
    """What is done with the job that is added."""

    STORE = "it is stored and owns the id"
    REPLACE = "it is stored in the place of the owner, which is removed"
    REMEMBER = "it is kept beside the id until the owner has finished"
    EXTEND = "it is a duplicate, and the owner holds the id for longer"
    DUPLICATE = "it is a duplicate"
    SILENT = "it is a duplicate that nobody is told of"


class Ruling(NamedTuple):
    """The verdict, and when the key ends from now on (ms, 0: with its owner)."""

    verdict: Verdict
    until_ms: int


def rule_of(opts: dict[str, Any]) -> Rule | None:
    """The rule of a job's options, or None. ConfigurationError without an id."""
    given = opts.get("deduplication")
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"deduplication is a dictionary with an id, not {given!r}.")
    if not given.get("id"):
        raise ConfigurationError("Deduplication id must be provided")
    keep_last = bool(given.get("keepLastIfActive"))
    ttl = 0 if keep_last else _ttl(given.get("ttl"))
    return Rule(
        str(given["id"]),
        ttl,
        bool(given.get("extend")),
        bool(given.get("replace")),
        keep_last,
        bool(given.get("reschedule")),
    )


def _ttl(given: Any) -> int:
    """ms; 0, as in BullMQ for what is below, where the id is held as long as its owner lives."""
    ttl = numeral(given or 0)
    check_number("deduplication.ttl", ttl)
    return min(max(0, int(ttl)), _LONGEST_MS)


def decide(rule: Rule, until_ms: int | None, state: str | None, now: int) -> Ruling:
    """The ruling on one add at `now` (ms).

    `until_ms` is when the stored key ends, None without a key; `state` is BullMQ's word for where
    its owner is, None when there is no such job or `needs_owner` says that it does not matter.
    """
    until = now + rule.ttl_ms if rule.ttl_ms else 0
    if until_ms is None or not holds(until_ms, state, now):
        return Ruling(Verdict.STORE, until)
    if rule.replace and state == "delayed":
        goes_on = rule.ttl_ms and not rule.extend  # as long as the key has, also without end
        return Ruling(Verdict.REPLACE, until_ms if goes_on else until)
    if rule.keep_last and state == "active":
        return Ruling(Verdict.REMEMBER, 0)
    if rule.replace:
        return Ruling(Verdict.SILENT, until_ms)  # as in BullMQ
    if until and rule.extend:
        return Ruling(Verdict.EXTEND, until)
    return Ruling(Verdict.DUPLICATE, until_ms)


__all__ = ["Rule", "Ruling", "Verdict", "decide", "rule_of"]
