"""Run a program in which `import bullmq` gives jetbull, without a change to the program.

    jetbull exec -- python old_caller.py
    jetbull exec -- python -m package.module
    jetbull exec -- pytest tests

The alias also holds in every Python that the program starts. `python` and other scripts are
looked for beside this command first, so they find the same packages. NATS_URL says where the
server is (default nats://localhost:4222).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import jetbull.startup
from jetbull.errors import ConfigurationError

__all__ = ["configure", "run"]


def configure(parser: ArgumentParser) -> None:
    """Add the program and its arguments."""
    parser.add_argument(
        "program", nargs=argparse.REMAINDER, metavar="-- program", help="and its arguments"
    )


def run(args: Namespace) -> int:
    """Become the program; its exit code is this command's. ConfigurationError if there is none."""
    command = args.program[1:] if args.program[:1] == ["--"] else args.program
    if not command:
        raise ConfigurationError("No program is given: `jetbull exec -- python old_caller.py`.")
    environment = _environment()
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        is_script = command[0].endswith(".py")
        hint = f": run a script by `jetbull exec -- python {command[0]}`" if is_script else ""
        raise ConfigurationError(f"The program {command[0]!r} is not found on the PATH{hint}.")
    if os.name == "nt":  # there, exec returns to the shell before the program ends
        arguments = [program, *command[1:]]
        return subprocess.run(arguments, env=environment, check=False).returncode  # noqa: S603
    return os.execve(program, command, environment)  # noqa: S606


def _environment() -> dict[str, str]:
    """This process's variables, with the alias in front of everything Python imports at start."""
    startup = str(Path(str(jetbull.startup.__file__)).parent)
    beside = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PYTHONPATH": _joined(startup, os.environ.get("PYTHONPATH", "")),
        "PATH": _joined(beside, os.environ.get("PATH", os.defpath)),
    }


def _joined(first: str, rest: str) -> str:
    return os.pathsep.join([first, *(p for p in rest.split(os.pathsep) if p and p != first)])
