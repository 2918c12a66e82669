"""The command line: arguments in, a report out, an exit code that says how it went.

Exit codes: 0 go or done, 1 no-go or refused, 2 wrong usage, 3 done but some items stay in Redis,
4 the two sides differ, 5 Redis or NATS cannot be used, 130 stopped by the operator.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import anyio
from pydantic import ValidationError

from bull2jet.commands.inspect import inspect
from bull2jet.commands.options import Options
from bull2jet.errors import MigrationError, SourceError
from bull2jet.report import Report, Verdict, lines, page, sealed
from bull2jet.report.formats import shown

Command = Callable[[Options], Awaitable[Report]]

COMMANDS: dict[str, tuple[Command, str]] = {
    "inspect": (inspect, "what is there, in seconds; read-only"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    try:
        options = _options(chosen)
        report = anyio.run(COMMANDS[chosen.command][0], options)
        _write(report, chosen)
    except ValidationError as error:
        parser.exit(2, f"bull2jet: {_first(error)}\n")
    except SourceError as error:
        return _fail(str(error), Verdict.UNAVAILABLE)
    except MigrationError as error:
        return _fail(str(error), Verdict.STOP)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on where it was.", Verdict.INTERRUPTED)
    return int(report.verdict)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="bull2jet",
        description="Moves Bull and BullMQ queues from Redis to NATS JetStream and proves it.",
        epilog="Exit codes: 0 fine, 1 no-go, 2 usage, 3 some items stay in Redis, 4 sides differ, "
        "5 Redis or NATS unavailable, 130 stopped. Operator's guide: docs/migration.md",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        _common(command)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
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
        "--queues", action="append", default=[], help="names, comma-separated (default: all)"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--deep", action="store_true", help="look for orphaned keys however many there are"
    )


def _options(chosen: argparse.Namespace) -> Options:
    if not chosen.redis:
        raise MigrationError("No Redis address: give one as first argument or set REDIS_URL.")
    given = {name: value for name, value in vars(chosen).items() if name in Options.model_fields}
    given["prefixes"] = tuple(chosen.prefix)
    given["queues"] = tuple(name for group in chosen.queues for name in group.split(",") if name)
    return Options(**given)


def _first(error: ValidationError) -> str:
    """The first problem as one sentence; the value is not shown, it may hold a password."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"--{where.replace('_', '-')}: {problem['msg'].removeprefix('Value error, ')}."


def _write(report: Report, chosen: argparse.Namespace) -> None:
    if chosen.report:
        chosen.report.write_text(sealed(report) + "\n", encoding="ascii")
    if chosen.html:
        chosen.html.write_text(page(report), encoding="utf-8")
    if chosen.json:
        sys.stdout.write(sealed(report) + "\n")
    else:
        sys.stdout.write("\n".join(lines(report)) + "\n")
    sys.stdout.flush()


def _fail(message: str, verdict: Verdict) -> int:
    sys.stderr.write(f"bull2jet: {shown(message)}\n")
    return int(verdict)


__all__ = ["build_parser", "main"]
