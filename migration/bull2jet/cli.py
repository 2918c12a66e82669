"""The command line: arguments in, a report out, an exit code that says how it went.

Exit codes: 0 go or done, 1 no-go or refused, 2 wrong usage, 3 done but some items stay in Redis,
4 the two sides differ, 5 Redis or NATS cannot be used, 130 stopped by the operator.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import anyio
from pydantic import ValidationError
from redis.exceptions import RedisError

from bull2jet.arguments import add_choice, add_common, add_running, add_target, path_to_write
from bull2jet.bars import Bars
from bull2jet.commands.finalize import finalize
from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import AddressError, MigrationError, SourceError, TargetError
from bull2jet.groups import single_errors
from bull2jet.options import Options
from bull2jet.progress import KINDS, Progress
from bull2jet.report import Report, Verdict, lines, page, sealed
from bull2jet.report.formats import shown
from bull2jet.source.address import parse
from bull2jet.source.door import unavailable
from bull2jet.stopping import until_stopped
from jetbull._version import __version__
from jetbull.errors import JetbullError, StoreError

Command = Callable[[Options, Progress], Awaitable[Report]]

COMMANDS: dict[str, tuple[Command, str]] = {
    "inspect": (inspect, "what is there, in seconds; read-only"),
    "plan": (plan, "the full dry run: reads and converts everything, writes nothing"),
    "run": (run, "carries the queues and compares both sides; with --follow goes on as a bridge"),
    "verify": (verify, "compares both sides again, job by job; read-only"),
    "rollback": (rollback, "everything back to Redis, until finalize"),
    "finalize": (finalize, "archives and removes what was carried from Redis; no way back"),
}


#: commands that write
CHANGING = frozenset({"run", "rollback", "finalize"})
#: JetStream's errors for an account, a server or a disk that is full
_NO_ROOM = frozenset({10002, 10023, 10047})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a queue's name may have letters they cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = _build_parser()
    chosen = parser.parse_args(arguments)
    if chosen.command == "run" and chosen.dry_run:
        chosen.command = "plan"
    try:
        options = _options(chosen)
        report = _perform(chosen, options)
        _write(report, chosen)
    except ValidationError as error:
        parser.exit(2, f"bull2jet: {_first(error)}\n")
    except AddressError as error:
        parser.exit(2, f"bull2jet: {shown(str(error))}\n")
    except (SourceError, TargetError) as error:
        return _fail(str(error), Verdict.UNAVAILABLE)
    except JetbullError as error:  # first: some of them are errors of redis-py as well
        return _fail(_from_nats(error), Verdict.UNAVAILABLE)
    except RedisError as error:
        return _fail(str(unavailable(parse(chosen.redis), error)), Verdict.UNAVAILABLE)
    except (MigrationError, OSError) as error:
        return _fail(str(error), Verdict.STOP)
    except KeyboardInterrupt:
        return _fail(_stopped(chosen.command), Verdict.INTERRUPTED)
    return int(report.verdict)


def _from_nats(error: JetbullError) -> str:
    if isinstance(error, StoreError) and error.code in _NO_ROOM:
        return (
            f"NATS has no room left (JetStream error {error.code}): make room on its disk or raise "
            "its max_file_store (an account's max_file), then type the same command again, or "
            "`bull2jet rollback`; nothing is lost."
        )
    said = str(error).rstrip(".")
    return f"NATS: {said}. When that is mended, type the same command again; nothing is lost."


def _stopped(command: str) -> str:
    if command not in CHANGING:
        return "stopped; nothing was changed."
    return (
        "stopped; everything so far is kept. Type the same command again to go on where it was; "
        "until then the workers of an unfinished queue are held back on both sides."
    )


def _perform(chosen: argparse.Namespace, options: Options) -> Report:
    progress = _progress(chosen.progress)
    try:
        with single_errors():
            command = COMMANDS[chosen.command][0]
            return anyio.run(until_stopped, lambda: command(options, progress))
    finally:
        progress.close()


def _progress(kind: str) -> Progress:
    if kind == "auto":
        return Bars() if sys.stderr.isatty() else KINDS["plain"]()
    return KINDS[kind]()


def _build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="bull2jet",
        description="Moves Bull and BullMQ queues from Redis to NATS JetStream and proves it.",
        epilog="Exit codes: 0 fine, 1 no-go, 2 usage, 3 some items stay in Redis, 4 sides differ, "
        "5 Redis or NATS unavailable, 130 stopped. Operator's guide: docs/migration.md",
    )
    parser.add_argument("--version", action="version", version=f"bull2jet {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        add_common(command)
        if name == "inspect":
            command.add_argument(
                "--deep", action="store_true", help="look for orphaned keys however many there are"
            )
        else:
            add_target(command)
        if name in ("plan", "run"):
            add_choice(command)
        if name in ("rollback", "finalize"):
            command.add_argument(
                "--yes", action="store_true", help="do not ask for the queue's name"
            )
        if name == "rollback":
            command.add_argument(
                "--lost-target",
                action="store_true",
                help="NATS has lost what was carried: puts back what Redis has kept, as it was",
            )
        if name == "run":
            add_running(command)
        if name == "finalize":
            command.add_argument(
                "--archive",
                type=path_to_write,
                metavar="FILE",
                help="where the removed keys are written",
            )
    return parser


def _options(chosen: argparse.Namespace) -> Options:
    if not chosen.redis:
        raise AddressError("No Redis address: give one as first argument or set REDIS_URL.")
    given = {name: value for name, value in vars(chosen).items() if name in Options.model_fields}
    given["prefixes"] = tuple(chosen.prefix)
    given["queues"] = tuple(chosen.queues)
    return Options(**given)


def _first(error: ValidationError) -> str:
    """The first problem as one sentence; the value is not shown, it may hold a password."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"--{where.replace('_', '-')}: {problem['msg'].removeprefix('Value error, ')}."


def _write(report: Report, chosen: argparse.Namespace) -> None:
    """Prints the report before it writes any file, so that it is seen whatever comes."""
    try:
        print(sealed(report) if chosen.json else "\n".join(lines(report)), flush=True)
        if chosen.report:
            chosen.report.write_text(sealed(report) + "\n", encoding="ascii")
        if chosen.html:
            chosen.html.write_text(page(report), encoding="utf-8")
    except OSError as error:
        if error.filename is None:
            _give_up_output()
        raise MigrationError(
            f"`bull2jet {chosen.command}` is done, but its report cannot be written to "
            f"{error.filename or 'the output'}: {error.strerror}; give another with --report."
        ) from error


def _give_up_output() -> None:
    """What the output did not take is tried no more: at the end Python's exit code would be 120."""
    with suppress(OSError, ValueError):  # an output without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, verdict: Verdict) -> int:
    sys.stderr.write(f"bull2jet: {shown(message)}\n")
    return int(verdict)


__all__ = ["main"]
