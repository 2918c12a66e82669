"""Turn a book into an audiobook, everything on this machine.

Starts a NATS server (unless NATS_URL names one), the HTTP interface and worker processes, posts
the book to POST /api/queue/parse-epub, lets every paragraph, page and the book itself become a
job, and leaves one M4B with chapters in the folder. A second run in the same folder goes on where
the first one ended; ctrl-C stops everything.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

import anyio

from audibook import sample_book

from .errors import DemoError
from .plan import Plan
from .show import Outcome, show

__all__ = ["configure", "run"]

_DEFAULT_FOLDER = Path("demo-output")
_INTERRUPTED = 130
_MOST_WORKERS = 100  # each takes some 200 MB


def configure(parser: ArgumentParser) -> None:
    """Add the options of `jetbull demo`."""
    parser.add_argument(
        "epub", nargs="?", type=Path, metavar="BOOK.epub", help="the book (default: a sample)"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=_DEFAULT_FOLDER,
        help="where everything is kept (default %(default)s)",
    )
    parser.add_argument(
        "--workers", type=_workers, default=2, metavar="N", help="processes (default %(default)s)"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="forget what earlier runs in the folder did"
    )
    parser.add_argument("--plain", action="store_true", help="lines instead of bars")


def run(args: Namespace) -> int:
    """Make the audiobook; 130 when it was stopped before."""
    plan = Plan(
        epub=args.epub or sample_book(),
        folder=args.folder.resolve(),
        workers=args.workers,
        nats_url=os.environ.get("NATS_URL") or None,
        plain=args.plain or not sys.stdout.isatty(),
    )
    if not plan.epub.is_file():
        raise DemoError(f"There is no book {plan.epub}: give the path of an EPUB file.")
    if args.fresh:
        plan.remove_leftovers()
    try:
        plan.logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(
            f"The folder {plan.folder} cannot be used ({error.strerror}): choose another --folder."
        ) from error
    return 0 if anyio.run(show, plan) is Outcome.FINISHED else _INTERRUPTED


def _workers(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_WORKERS:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no number of processes: use 1 to {_MOST_WORKERS}")
