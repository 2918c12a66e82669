"""What the installed command `jetbull` begins with, before anything of jetbull is imported."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

__all__ = ["ended_by_ctrl_c", "jetbull"]


def jetbull() -> int:
    """Runs the command line `jetbull`; its exit code."""
    with ended_by_ctrl_c():
        command_line = import_module("jetbull.cli")
    return int(command_line.main())


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Within, ctrl-C ends the process at once and without a word, as it does other programs.

    Python would show where in which import it was.
    """
    is_python_s = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_python_s or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
