"""The places between two steps of a worker where it can be killed.

A point is a step and a moment: `sending` (decided, not sent), `sent` (on its way, no answer yet)
or `answered` (the server has it, the worker has not gone on). Steps:

    take      the claim is stored            finish    the outcome is stored
    ack       the ticket is acknowledged     event     events are stored
    renew     the lock is renewed            begun, done   the processor starts, has returned
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from typing import Any

from jetbull.ledger.replies import Waiter
from jetbull.ledger.wire import Wire

__all__ = ["POINTS", "arm", "reached"]

POINTS = (
    "take.sending",
    "take.sent",
    "take.answered",
    "ack.sending",
    "ack.sent",
    "begun",
    "renew.sent",
    "done",
    "finish.sending",
    "finish.sent",
    "finish.answered",
    "event.sending",
    "event.sent",
    "event.answered",
)

_OUTCOMES = (".completed.", ".failed.", ".delayed.", ".gone.")
_armed: dict[str, int] = {}


def arm(point: str, count: int) -> None:
    """Kills this process with SIGKILL when it reaches `point` for the `count`th time."""
    assert point in POINTS, point
    _armed[point] = count
    _watch()


def reached(point: str) -> None:
    """Says that this process is at `point`."""
    if point in _armed:
        _armed[point] -= 1
        if _armed[point] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _step(subject: str, headers: Mapping[str, str] | None) -> str:
    if subject.startswith("$JS.ACK"):
        return "ack"
    if subject.startswith("jbe."):
        return "event"
    if subject.startswith("jb.") and any(state in subject for state in _OUTCOMES):
        return "finish"
    if ".active." in subject:
        expected = (headers or {}).get("Nats-Expected-Last-Subject-Sequence-Subject", "")
        return "renew" if ".active." in expected else "take"
    return ""


def _watch() -> None:
    """Reports each step of the wire as it passes."""
    push, ask = Wire._push, Wire._ask

    def watched_push(
        self: Wire, subject: str, payload: bytes, reply: str, headers: Mapping[str, str] | None
    ) -> None:
        step = _step(subject, headers)
        if step:
            reached(f"{step}.sending")
        push(self, subject, payload, reply, headers)
        if step:
            # One turn later the bytes have left this process.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, reached, f"{step}.sent")

    def watched_ask(
        self: Wire,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str] | None,
        waiter: Waiter,
    ) -> None:
        step = _step(subject, headers)
        ask(self, subject, payload, headers, _Told(waiter, step) if step else waiter)

    Wire._push = watched_push  # type: ignore[method-assign]
    Wire._ask = watched_ask  # type: ignore[method-assign]


class _Told:
    """A waiter that reports its answer first."""

    def __init__(self, waiter: Waiter, step: str) -> None:
        self._waiter = waiter
        self._step = step
        self.deadline = waiter.deadline

    def feed(self, data: bytes, block: bytes | None) -> bool:
        reached(f"{self._step}.answered")
        return self._waiter.feed(data, block)

    def fail(self, error: Exception) -> None:
        self._waiter.fail(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._waiter, name)
