"""What becomes of an add under a deduplication rule, from facts alone."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull.commands.ruling import Rule, Ruling, Verdict, decide, rule_of
from jetbull.errors import ConfigurationError

NOW = 1_000_000
STATES = ("waiting", "prioritized", "delayed", "active", "waiting-children")


def rule(**given: Any) -> Rule:
    made = rule_of({"deduplication": {"id": "d", **given}})
    assert made is not None
    return made


SIMPLE = rule()
THROTTLE = rule(ttl=500)
EXTENDING = rule(ttl=500, extend=True)
REPLACING = rule(replace=True)
REPLACING_FOR_A_TIME = rule(replace=True, ttl=500)
DEBOUNCE = rule(replace=True, ttl=500, extend=True)
KEEPING = rule(keepLastIfActive=True)
KEEPING_OR_REPLACING = rule(keepLastIfActive=True, replace=True)
ALL = (
    *(SIMPLE, THROTTLE, EXTENDING, REPLACING, REPLACING_FOR_A_TIME),
    *(DEBOUNCE, KEEPING, KEEPING_OR_REPLACING),
)


def test_options_without_deduplication_have_no_rule() -> None:
    assert rule_of({}) is None
    assert rule_of({"deduplication": None}) is None


def test_a_rule_needs_an_id() -> None:
    with pytest.raises(ConfigurationError, match="id must be provided"):
        rule_of({"deduplication": {"ttl": 5}})


def test_an_id_may_be_a_number() -> None:
    made = rule_of({"deduplication": {"id": 7}})
    assert made is not None and made.id == "7"


def test_keeping_the_last_add_knows_no_time() -> None:
    assert rule(keepLastIfActive=True, ttl=500).ttl_ms == 0


@pytest.mark.parametrize("rule", ALL)
def test_an_id_that_nobody_holds_is_taken(rule: Rule) -> None:
    until = NOW + 500 if rule.ttl_ms else 0
    assert decide(rule, None, None, NOW) == Ruling(Verdict.STORE, until)


@pytest.mark.parametrize("rule", ALL)
@pytest.mark.parametrize("state", [None, "completed", "failed"])
def test_an_owner_that_is_done_or_gone_frees_the_id(rule: Rule, state: str | None) -> None:
    assert decide(rule, 0, state, NOW).verdict is Verdict.STORE


@pytest.mark.parametrize("rule", ALL)
@pytest.mark.parametrize("state", STATES)
def test_an_id_is_free_when_its_time_is_over(rule: Rule, state: str) -> None:
    assert decide(rule, NOW, state, NOW).verdict is Verdict.STORE


@pytest.mark.parametrize("state", ["completed", "failed", None])
def test_an_id_is_held_for_its_time_although_the_owner_is_done(state: str | None) -> None:
    assert decide(THROTTLE, NOW + 1, state, NOW) == Ruling(Verdict.DUPLICATE, NOW + 1)


@pytest.mark.parametrize("state", STATES)
def test_an_unfinished_owner_keeps_others_out(state: str) -> None:
    assert decide(SIMPLE, 0, state, NOW) == Ruling(Verdict.DUPLICATE, 0)


def test_a_time_is_not_extended_unless_asked_for() -> None:
    assert decide(THROTTLE, NOW + 1, None, NOW) == Ruling(Verdict.DUPLICATE, NOW + 1)
    assert decide(EXTENDING, NOW + 1, None, NOW) == Ruling(Verdict.EXTEND, NOW + 500)


@pytest.mark.parametrize("rule", [REPLACING, REPLACING_FOR_A_TIME, DEBOUNCE, KEEPING_OR_REPLACING])
def test_only_a_delayed_owner_is_replaced(rule: Rule) -> None:
    assert decide(rule, 0, "delayed", NOW).verdict is Verdict.REPLACE
    assert decide(rule, 0, "waiting", NOW) == Ruling(Verdict.SILENT, 0)


@pytest.mark.parametrize(
    ("rule", "until_ms", "then"),
    [
        (REPLACING, 0, 0),
        (REPLACING, NOW + 1, 0),
        (REPLACING_FOR_A_TIME, 0, 0),
        (REPLACING_FOR_A_TIME, NOW + 1, NOW + 1),
        (DEBOUNCE, 0, NOW + 500),
        (DEBOUNCE, NOW + 1, NOW + 500),
    ],
)
def test_a_replacement_with_a_time_keeps_that_of_the_key_unless_it_extends(
    rule: Rule, until_ms: int, then: int
) -> None:
    assert decide(rule, until_ms, "delayed", NOW) == Ruling(Verdict.REPLACE, then)


@pytest.mark.parametrize("rule", [KEEPING, KEEPING_OR_REPLACING])
def test_an_add_is_remembered_only_while_the_owner_runs(rule: Rule) -> None:
    assert decide(rule, 0, "active", NOW) == Ruling(Verdict.REMEMBER, 0)
    assert decide(rule, 0, "waiting", NOW).verdict is not Verdict.REMEMBER
    assert decide(SIMPLE, 0, "active", NOW).verdict is Verdict.DUPLICATE


@pytest.mark.parametrize("rule", ALL)
@pytest.mark.parametrize("until_ms", [0, NOW - 1, NOW + 1])
def test_the_owner_is_not_looked_at_where_it_does_not_matter(rule: Rule, until_ms: int) -> None:
    rulings = {decide(rule, until_ms, state, NOW) for state in (*STATES, "completed", None)}
    assert rule.needs_owner(until_ms) or len(rulings) == 1


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_duplicate_gives_its_time_to_an_owner_that_is_delayed(verdict: Verdict) -> None:
    is_duplicate = verdict in (Verdict.DUPLICATE, Verdict.EXTEND)
    assert rule(reschedule=True).reschedules(verdict, "delayed") is is_duplicate
    assert not rule(reschedule=True).reschedules(verdict, "waiting")
    assert not rule().reschedules(verdict, "delayed")


def test_extending_without_a_time_leaves_the_end_of_the_key_as_it_is() -> None:
    assert decide(rule(extend=True), NOW + 100, None, NOW) == Ruling(Verdict.DUPLICATE, NOW + 100)
    assert decide(rule(extend=True), 0, "waiting", NOW) == Ruling(Verdict.DUPLICATE, 0)
