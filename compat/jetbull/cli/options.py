"""Options that several commands share."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

__all__ = [
    "add_log_options",
    "add_queue_options",
    "add_until_eof_option",
    "given",
]


def _add_server_option(parser: ArgumentParser) -> None:
    """`--nats-url`."""
    parser.add_argument(
        "--nats-url", metavar="URL", help="the server (NATS_URL, else nats://localhost:4222)"
    )


def add_queue_options(parser: ArgumentParser) -> None:
    """`--nats-url`, `--queue` and `--prefix`."""
    _add_server_option(parser)
    parser.add_argument("--queue", metavar="NAME", help="(JETBULL_QUEUE, else audio-processing)")
    parser.add_argument("--prefix", help="BullMQ's prefix (JETBULL_PREFIX, else bull)")


def add_until_eof_option(parser: ArgumentParser) -> None:
    """`--until-eof`."""
    parser.add_argument(
        "--until-eof",
        action="store_true",
        help="stop as well when standard input ends (for programs that start this one)",
    )


def add_log_options(parser: ArgumentParser) -> None:
    """`--log-level` and `--log-format`."""
    parser.add_argument(
        "--log-level", choices=["debug", "info", "warning", "error"], help="(LOG_LEVEL, else info)"
    )
    parser.add_argument(
        "--log-format",
        choices=["auto", "json", "text"],
        help="(LOG_FORMAT, else auto: text on a terminal, JSON elsewhere)",
    )


def given(args: Namespace, start: str = "") -> dict[str, Any]:
    """The arguments whose names begin with `start`, without it; None where not given."""
    return {
        name.removeprefix(start): value
        for name, value in vars(args).items()
        if name.startswith(start)
    }
