"""Ending a process as its operator wishes."""

from __future__ import annotations

import signal

import anyio

__all__ = ["STOP_SIGNALS", "wait_for_stop"]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def wait_for_stop() -> signal.Signals:
    """Wait for SIGTERM or SIGINT; gives which it was."""
    with anyio.open_signal_receiver(*STOP_SIGNALS) as received:
        async for number in received:
            return signal.Signals(number)
    raise RuntimeError("The signals ended.")  # a receiver never does
