"""Line 1 of a record, where it is filled in instead of encoded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetbull.ledger.messages.record import first_line

_NUMBERS = st.one_of(
    st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.none()
)
_TEXTS = st.one_of(st.text(), st.integers(), st.none())
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)
_RUNNING = st.fixed_dictionaries(
    {"processedOn": _NUMBERS, "token": _TEXTS, "attemptsStarted": _NUMBERS, "after": _NUMBERS}
)
_COMPLETED = st.fixed_dictionaries(
    {
        "processedOn": _NUMBERS,
        "attemptsStarted": _NUMBERS,
        "finishedOn": _NUMBERS,
        "attemptsMade": _NUMBERS,
        "returnvalue": _VALUES,
    }
)


@given(head=st.one_of(_RUNNING, _COMPLETED, st.dictionaries(st.text(), _VALUES)))
def test_it_says_what_the_encoder_would_say(head: dict[str, Any]) -> None:
    assert json.loads(first_line(head)) == json.loads(json.dumps(head))


@given(head=_RUNNING.flatmap(lambda head: st.permutations(list(head.items()))).map(dict))
def test_the_order_of_its_fields_does_not_matter(head: dict[str, Any]) -> None:
    assert json.loads(first_line(head)) == head


@pytest.mark.parametrize("field", ["processedOn", "returnvalue"])
def test_what_is_no_json_is_refused(field: str) -> None:
    head = dict.fromkeys(
        ("processedOn", "attemptsStarted", "finishedOn", "attemptsMade", "returnvalue"), 1
    )
    with pytest.raises(ValueError, match="Out of range"):
        first_line(head | {field: float("nan")})
