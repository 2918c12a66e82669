"""bull2jet: moves Bull and BullMQ queues from Redis to NATS JetStream, and proves that it did.

    source/     the Redis side: discovering, reading, handing jobs over
    target/     the JetStream side, behind a protocol
    transfer/   carrying, verifying, rolling back
    commands/   what each command does
    report/     reports as text, JSON and HTML

    model, findings             what a queue holds, whatever library wrote it; what is odd about it
    canonical, idset            when two copies are the same; very many ids in little memory
    cli, arguments, options     the command line, and what an operator may choose
    progress, bars, stopping    how far it is, and an end in good order
    errors, groups              what goes wrong, alone and several at once

The command is `bull2jet` (`python -m bull2jet`); docs/migration.md is the operator's guide.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from jetbull_entry import ended_by_ctrl_c

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `bull2jet`; its exit code. 1 when the extra `migrate` is missing."""
    try:
        with ended_by_ctrl_c():
            command_line = import_module("bull2jet.cli")
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in ("bull2jet", "jetbull", ""):
            raise
        print(
            f"bull2jet: The Python package {package} is not installed: "
            "`pip install 'jetbull[migrate]'` brings it.",
            file=sys.stderr,
        )
        return 1
    return int(command_line.main(arguments))
