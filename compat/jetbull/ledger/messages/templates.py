"""The messages of nearly every job, built once per queue and filled in per job.

They are byte for byte those that `placing`, `guard` and `moving` describe (a test compares them);
made from a template, a message costs a third of what it costs from its parts.
"""

from __future__ import annotations

from jetbull.ledger.messages.clock import FAR_FUTURE_MS, at
from jetbull.ledger.messages.guard import HeaderMap, drop, expect, expected, timer, vanish
from jetbull.ledger.messages.names import (
    ACTIVE,
    COMPLETED,
    FAILED,
    GONE,
    HEAD,
    NOTHING,
    PENDING,
    STALLED,
    WAIT,
    QueueNames,
)
from jetbull.ledger.messages.placing import TOMBSTONE_SECONDS
from jetbull.ledger.messages.tokens import escape

_SLOT = "\0"  # stands for what is filled in; no name and no header holds it
_SEQ = 987654321  # likewise, where a number is expected; some name may hold it
_DUE_MS = 4_000_000_000_123
_FILLED = {str(_SEQ): _SLOT, at(_DUE_MS): _SLOT}


class Template:
    """One message with slots for the job's token, a sequence and, in a claim, the due time."""

    __slots__ = ("_block", "_subject")

    def __init__(self, subject: str, headers: HeaderMap) -> None:
        filled = ((name, _FILLED.get(value, value)) for name, value in headers.items())
        lines = "".join([f"{name}: {value}\r\n" for name, value in filled])
        self._subject = _slots(subject)
        self._block = _slots(f"NATS/1.0\r\n{lines}\r\n")

    def command(
        self,
        token: bytes,
        values: tuple[bytes, ...],
        reply: bytes,
        payload: bytes,
        more: bytes = b"",
    ) -> bytes:
        """The protocol message; `values` fill the headers' slots in their order.

        `more` are header lines that follow.
        """
        block = self._block % values
        if more:
            block = b"%b%b\r\n" % (block[:-2], more)
        size = len(block)
        return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (
            self._subject % token,
            reply,
            size,
            size + len(payload),
            block,
            payload,
        )


def _slots(text: str) -> bytes:
    return text.replace(_SLOT, "%b").encode()


class Templates:
    """New jobs, waits for children, the claims of tickets, the outcomes of a lease, for a queue."""

    __slots__ = ("claim", "claim_head", "new", "outcomes", "wait")

    def __init__(self, names: QueueNames) -> None:
        root = names.root
        guard = expected(f"{root}.*.*.{_SLOT}", 0)
        self.new = Template(f"{root}.{WAIT}.-.{_SLOT}", guard)
        books = names.all_dependencies()[:-1]
        headers: HeaderMap = {}
        timer(headers, FAR_FUTURE_MS, f"{books}{_SLOT}")
        expect(headers, f"{books}{_SLOT}", 0)
        self.wait = Template(f"{books}{_SLOT}", headers)
        headers = {}
        timer(headers, _DUE_MS, f"{root}.{STALLED}.-.{_SLOT}")
        expect(headers, f"{root}.*.*.{_SLOT}", _SEQ)
        self.claim = Template(f"{root}.{ACTIVE}.-.{_SLOT}", headers)
        headers = {}
        timer(headers, _DUE_MS, f"{root}.{STALLED}.-.{_SLOT}")
        drop(headers, f"{root}.{HEAD}.{_SLOT}.{_SLOT}", _SEQ)
        self.claim_head = Template(f"{root}.{ACTIVE}.-.{_SLOT}", headers)
        self.outcomes: dict[str, Template] = {}
        for state in (COMPLETED, FAILED, GONE):
            headers = {}
            if state == GONE:
                vanish(headers, TOMBSTONE_SECONDS)
            drop(headers, f"{root}.{ACTIVE}.{_SLOT}.{_SLOT}", _SEQ)
            self.outcomes[state] = Template(f"{root}.{state}.-.{_SLOT}", headers)


def wait_slots(parent_id: str, child_key: str) -> tuple[bytes, tuple[bytes, ...]]:
    """What stands for the job's token in a wait, and what its headers hold: target, guard."""
    parent, child = escape(parent_id), escape(child_key)
    token = f"{parent}.{PENDING}.{child}".encode()
    return token, (f"{parent}.{NOTHING}.{child}".encode(), token)


def claim_values(token: bytes, seq: int, due_ms: int) -> tuple[bytes, ...]:
    """What a claim's headers hold: due time, target, guard."""
    return at(due_ms).encode(), token, b"%d" % seq, token


def head_claim_values(lane: bytes, token: bytes, seq: int, due_ms: int) -> tuple[bytes, ...]:
    """The same at the head of the queue: due time, target, the message that leaves, guard."""
    return at(due_ms).encode(), token, lane, token, b"%d" % seq, lane, token


def outcome_values(lane: bytes, token: bytes, seq: int) -> tuple[bytes, ...]:
    """What an outcome's headers hold: the lease that ends, twice, and its sequence between."""
    return lane, token, b"%d" % seq, lane, token


__all__ = [
    "Template",
    "Templates",
    "claim_values",
    "head_claim_values",
    "outcome_values",
    "wait_slots",
]
