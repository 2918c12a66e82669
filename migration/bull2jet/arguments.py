"""The arguments of the commands, by what they are about."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from bull2jet.model import State
from bull2jet.options import ActivePolicy
from bull2jet.progress import KINDS

__all__ = ["add_choice", "add_common", "add_running", "add_target", "path_to_write"]


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command takes: where Redis is, which queues, and how to report."""
    parser.add_argument(
        "redis",
        nargs="?",
        metavar="REDIS_URL",
        default=os.environ.get("REDIS_URL"),
        help="redis://, rediss://, redis+sentinel://, redis+cluster:// or unix:// "
        "(default: $REDIS_URL, which keeps the password out of the process list)",
    )
    parser.add_argument(
        "--prefix", action="append", default=[], help="key prefix, may be repeated (default: any)"
    )
    parser.add_argument(
        "--queues",
        type=_names,
        action="extend",
        default=[],
        help="names, comma-separated (default: all)",
    )
    parser.add_argument(
        "--report", type=path_to_write, metavar="FILE", help="write the report as JSON"
    )
    parser.add_argument(
        "--html", type=path_to_write, metavar="FILE", help="write the report as a page"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--progress",
        choices=["auto", *KINDS],
        default="auto",
        help="bars on a terminal, else plain lines (default: auto)",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """Where NATS is, for commands that look at it."""
    parser.add_argument(
        "--to",
        metavar="NATS_URL",
        default=os.environ.get("NATS_URL", "nats://localhost:4222"),
        help="the NATS server (default: $NATS_URL, else nats://localhost:4222)",
    )
    parser.add_argument("--batch", type=int, default=500, help="jobs per batch (default: 500)")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which jobs are carried, and how fast."""
    parser.add_argument(
        "--states", type=_states, default=(), help="only these states, comma-separated"
    )
    parser.add_argument(
        "--history",
        type=_history,
        default=None,
        metavar="none|N|all",
        help="how many of the newest completed and failed jobs are carried (default: all)",
    )
    parser.add_argument("--limit", type=int, help="jobs per queue and state at most")
    parser.add_argument("--rate", type=float, default=0.0, help="jobs a second at most")
    parser.add_argument(
        "--timezone", help="zone of schedules that name none, such as Europe/Berlin (default: UTC)"
    )
    parser.add_argument(
        "--partial-flows",
        action="store_true",
        help="carry parents or children although their relatives' queue is left out",
    )


def add_running(parser: argparse.ArgumentParser) -> None:
    """What `run` does about jobs that old workers hold, and whether it goes on."""
    parser.add_argument("--dry-run", action="store_true", help="the same as `bull2jet plan`")
    parser.add_argument(
        "--active",
        choices=[*map(str, ActivePolicy)],
        default=str(ActivePolicy.WAIT),
        help="jobs that old workers hold: wait for them, take over those without a lock, or "
        "refuse to start (default: wait)",
    )
    parser.add_argument(
        "--wait-active",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="how long to wait for them (default: 600)",
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on carrying what old producers add, until stopped"
    )
    parser.add_argument(
        "--follow-for", type=float, metavar="SECONDS", help="end the bridge by itself"
    )


def _names(value: str) -> list[str]:
    names = [name for name in value.split(",") if name]
    if not names:  # as an unset variable of a shell: it must not come to mean all
        raise argparse.ArgumentTypeError("no name is given; leave the option out for all")
    return names


def path_to_write(value: str) -> Path:
    """Where something is written at the end, which may be hours from now."""
    path = Path(value)
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {path.parent} is not there or not writable")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{value!r} is a folder; name a file in it")
    return path


def _states(value: str) -> tuple[State, ...]:
    names = [name.strip() for name in _names(value)]
    for name in names:
        if name not in set(State):
            known = ", ".join(State)
            raise argparse.ArgumentTypeError(f"{name!r} is no state; there are {known}")
    return tuple(map(State, names))


def _history(value: str) -> int | None:
    if value in ("all", "none"):
        return None if value == "all" else 0
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{value!r} is neither 'none' nor 'all' nor a number")
    return int(value)
