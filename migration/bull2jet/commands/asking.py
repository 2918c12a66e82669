"""Asking the operator for the queue's name before something is taken back or removed."""

from __future__ import annotations

import os
import sys

import anyio

from bull2jet.errors import NotGoError
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.report.formats import shown


async def confirm(command: str, queue: QueueRef, options: Options) -> None:
    """Returns when the operator typed the queue's name, or gave `--yes`."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise NotGoError(
            f"`bull2jet {command}` asks for the queue's name and there is no terminal; "
            "give --yes to go ahead without."
        )
    sys.stderr.write(f"Type the queue's name ({shown(queue.name)}) to {command} it: ")
    sys.stderr.flush()
    # A terminal hands over one line at a time; waiting for it like this lets Ctrl-C through.
    await anyio.wait_readable(sys.stdin)
    typed = os.read(sys.stdin.fileno(), 4096).decode("utf-8", "replace")
    if typed.rstrip("\r\n") != queue.name:
        raise NotGoError(f"That was not {queue.name!r}; nothing was changed.")


__all__ = ["confirm"]
