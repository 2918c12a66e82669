"""bull2jet: moves Bull and BullMQ queues from Redis to NATS JetStream, and proves that it did.

    source/     the Redis side: discovering, reading, handing jobs over
    target/     the JetStream side, behind a protocol
    transfer/   carrying, verifying, rolling back
    commands/   what each command does
    report/     reports as text, JSON and HTML
    model.py    what a queue holds, whatever library wrote it

The command is `bull2jet` (`python -m bull2jet`); docs/migration.md is the operator's guide.
"""

from __future__ import annotations

from bull2jet.cli import main

__all__ = ["main"]
