"""Ending a process as its operator wishes."""

from __future__ import annotations

import os
import signal
import threading

import anyio

__all__ = ["STOP_SIGNALS", "stop_at_eof", "wait_for_stop"]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def wait_for_stop() -> signal.Signals:
    """Wait for SIGTERM or SIGINT; gives which it was."""
    with anyio.open_signal_receiver(*STOP_SIGNALS) as received:
        async for number in received:
            return signal.Signals(number)
    raise RuntimeError("The signals ended.")  # a receiver never does


def stop_at_eof() -> None:
    """Send this process SIGTERM when its standard input ends.

    Whoever starts it with a pipe can be sure that it does not outlive him, however he ends.
    """
    threading.Thread(target=_watch_input, name="standard input", daemon=True).start()


def _watch_input() -> None:
    while os.read(0, 4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
