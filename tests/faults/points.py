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

from jetbull.ledger.wire import Client
from jetbull.ledger.wire.answering import Answering

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

_OUTCOMES = (b".completed.", b".failed.", b".delayed.", b".gone.")
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


def _step(subject: bytes, command: bytes) -> str:
    """The step a protocol message belongs to, or nothing."""
    if subject.startswith(b"$JS.ACK"):
        return "ack"
    if subject.startswith(b"jbe."):
        return "event"
    if not subject.startswith(b"jb."):
        return ""
    if b".active." in subject:
        return "renew" if b"Nats-Scheduler: " in command else "take"
    return "finish" if any(state in subject for state in _OUTCOMES) else ""


def _watch() -> None:
    """Reports each step of the wire as it passes."""
    push, on_reply = Client.push, Answering._on_reply
    asked: dict[bytes, str] = {}

    def watched_push(self: Client, command: bytes) -> None:
        words = command.split(b"\r\n", 1)[0].split(b" ")
        step = _step(words[1], command)
        if not step:
            push(self, command)
            return
        reached(f"{step}.sending")
        asked[words[2]] = step
        push(self, command)
        # One turn later the bytes have left this process.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, reached, f"{step}.sent")

    def watched_reply(
        self: Answering, subject: bytes, _: bytes, data: bytes, block: bytes | None
    ) -> None:
        step = asked.pop(subject, "")
        if step:
            reached(f"{step}.answered")
        on_reply(self, subject, _, data, block)

    Client.push = watched_push  # type: ignore[method-assign]
    Answering._on_reply = watched_reply  # type: ignore[method-assign]
