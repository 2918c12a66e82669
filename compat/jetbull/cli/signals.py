"""Ending a process as its operator wishes."""

from __future__ import annotations

import os
import signal
import threading

__all__ = ["STOP_SIGNALS", "stop_at_eof", "stop_signals"]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""What an operator sends."""


def stop_signals() -> tuple[signal.Signals, ...]:
    """SIGTERM, SIGINT and, unless it is ignored as under `nohup`, the end of the terminal."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return STOP_SIGNALS
    return (*STOP_SIGNALS, signal.SIGHUP)


def stop_at_eof() -> None:
    """Send this process SIGTERM when its standard input ends.

    Whoever starts it with a pipe can be sure that it does not outlive him, however he ends.
    """
    threading.Thread(target=_watch_input, name="standard input", daemon=True).start()


def _watch_input() -> None:
    while os.read(0, 4096):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
