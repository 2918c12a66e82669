"""Messages made from a template are those made from their parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetbull.ledger.job.moving import stored_as, transition
from jetbull.ledger.messages.clock import FAR_FUTURE_MS
from jetbull.ledger.messages.guard import HeaderMap, expect, timer
from jetbull.ledger.messages.names import ACTIVE, HEAD, NOTHING, PENDING, WAIT, Space
from jetbull.ledger.messages.placing import DONE, REMOVED, active, address, waiting
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.messages.templates import (
    Templates,
    claim_values,
    head_claim_values,
    outcome_values,
    wait_slots,
)
from jetbull.ledger.messages.tokens import escape
from jetbull.ledger.parents.bookkeeping import AWAITED
from jetbull.ledger.wire import command_of

# Some look like what a template holds where a sequence will stand.
NAMES = st.text(min_size=1, max_size=12) | st.just("987654321")
RECORD = Record.new({"name": "n", "timestamp": 1, "opts": {}}, b'{"a":"%b"}', {"progress": 0})

PLACES = {**DONE, REMOVED.state: REMOVED}


@given(prefix=NAMES, queue=NAMES, job_id=NAMES)
def test_a_new_job(prefix: str, queue: str, job_id: str) -> None:
    names = Space(prefix).queue(queue)
    subject, headers = address(names, job_id, waiting())
    expect(headers, names.any_state(job_id), 0)
    token = escape(job_id).encode()
    made = Templates(names).new.command(token, (token,), b"in.1", RECORD.encode())
    assert made == command_of(subject, RECORD.encode(), "in.1", headers)


@given(prefix=NAMES, queue=NAMES, parent_id=NAMES, child_key=NAMES)
def test_a_wait_for_a_child(prefix: str, queue: str, parent_id: str, child_key: str) -> None:
    names = Space(prefix).queue(queue)
    subject = names.dependency(PENDING, parent_id, child_key)
    headers: HeaderMap = {}
    timer(headers, FAR_FUTURE_MS, names.dependency(NOTHING, parent_id, child_key))
    expect(headers, subject, 0)
    token, values = wait_slots(parent_id, child_key)
    made = Templates(names).wait.command(token, values, b"in.1", AWAITED)
    assert made == command_of(subject, AWAITED, "in.1", headers)


@given(prefix=NAMES, queue=NAMES, job_id=NAMES, seq=st.integers(1, 2**60))
def test_a_claim(prefix: str, queue: str, job_id: str, seq: int) -> None:
    names = Space(prefix).queue(queue)
    old = Stored(names.job(WAIT, job_id), seq, RECORD)
    expected = transition(names, job_id, old, RECORD, active(1_764_000_000_123))
    token = escape(job_id).encode()
    record = RECORD.with_head({**RECORD.head, "after": seq})
    made = Templates(names).claim.command(
        token, claim_values(token, seq, 1_764_000_000_123), b"in.1", record.encode()
    )
    assert made == command_of(expected.subject, expected.payload, "in.1", expected.headers)


@pytest.mark.parametrize("lane", ["-", "r"])
@given(prefix=NAMES, queue=NAMES, job_id=NAMES, seq=st.integers(1, 2**60))
def test_a_claim_at_the_head(lane: str, prefix: str, queue: str, job_id: str, seq: int) -> None:
    names = Space(prefix).queue(queue)
    old = Stored(names.job(HEAD, job_id, lane), seq, RECORD)
    expected = transition(names, job_id, old, RECORD, active(1_764_000_000_123))
    token = escape(job_id).encode()
    record = RECORD.with_head({**RECORD.head, "after": seq})
    made = Templates(names).claim_head.command(
        *(token, head_claim_values(lane.encode(), token, seq, 1_764_000_000_123)),
        *(b"in.1", record.encode()),
    )
    assert made == command_of(expected.subject, expected.payload, "in.1", expected.headers)


@pytest.mark.parametrize("state", ["completed", "failed", "gone"])
@pytest.mark.parametrize("lane", ["-", "r"])
@given(prefix=NAMES, queue=NAMES, job_id=NAMES, seq=st.integers(1, 2**60))
def test_an_outcome(state: str, lane: str, prefix: str, queue: str, job_id: str, seq: int) -> None:
    names = Space(prefix).queue(queue)
    old = Stored(names.job(ACTIVE, job_id, lane), seq, RECORD)
    expected = transition(names, job_id, old, RECORD, PLACES[state])
    token = escape(job_id).encode()
    stored = stored_as(RECORD, PLACES[state])
    made = (
        Templates(names)
        .outcomes[state]
        .command(token, outcome_values(lane.encode(), token, seq), b"in.2", stored.encode())
    )
    assert made == command_of(expected.subject, expected.payload, "in.2", expected.headers)
