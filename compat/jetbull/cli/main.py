"""From the command line to a command and its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from jetbull._version import __version__
from jetbull.errors import JetbullError
from jetbull_entry import ended_by_ctrl_c

from .command import Command
from .registry import commands

__all__ = ["main"]

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (by default this process's own); gives the exit code.

    2 for a command line that cannot be understood, 1 for an error, told in one line.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        known = commands()
        name = arguments[0] if arguments else ""
        if name not in known:
            _overview(known).parse_args(arguments or ["--help"])
            return 2
        code = _run(name, known[name], arguments[1:])
        _flush()
        return code
    except BrokenPipeError:
        return _unread()
    except JetbullError as error:
        return _tell(error)
    except BaseExceptionGroup as group:
        only = _only(group)
        if isinstance(only, JetbullError):
            return _tell(only)
        if isinstance(only, BrokenPipeError):
            return _unread()
        raise
    except KeyboardInterrupt:
        return _INTERRUPTED


def _tell(error: JetbullError) -> int:
    print(f"jetbull: {error}", file=sys.stderr)
    return 1


def _flush() -> None:
    """So that an output that takes no more, a full disk's, is an error as all others are."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _unread()
        raise JetbullError(f"The output cannot be written: {error.strerror}.") from error


def _unread() -> int:
    """As of `jetbull doctor | head -1`: who reads has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _only(error: BaseException) -> BaseException:
    """The one exception inside groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _run(name: str, command: Command, arguments: Sequence[str]) -> int:
    with ended_by_ctrl_c():
        module = command.load()
    parser = argparse.ArgumentParser(
        prog=f"jetbull {name}",
        description=(module.__doc__ or command.summary).strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    return module.run(parser.parse_args(arguments))


def _overview(known: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser that knows only the names: for help, the version and unknown commands."""
    width = max(map(len, known))
    listing = "\n".join(f"  {name:<{width}}  {known[name].summary}" for name in known)
    parser = argparse.ArgumentParser(
        prog="jetbull",
        description="BullMQ's interface on NATS JetStream.",
        epilog=f"commands:\n{listing}\n\n`jetbull <command> --help` tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"jetbull {__version__}")
    parser.add_argument("command", choices=list(known), metavar="command", help="see below")
    return parser
