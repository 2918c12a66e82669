"""Running `bull2jet` as an operator does, with or without a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bull2jet import main

PATIENCE = 60


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def next(self) -> list[str]:
        """The words of the command to type next."""
        last = self.out.strip().splitlines()[-1]
        assert last.startswith("Next: bull2jet ")
        return last.removeprefix("Next: bull2jet ").split()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bull2jet", *words]


def bull2jet(*words: str) -> Ended:
    """Runs a command without a terminal, in this process: it starts faster."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as usage:
            code = int(usage.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def begun(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on; killed at the end if it still lives."""
    process = subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def on_terminal(*words: str, typed: str = "") -> tuple[int, str]:
    """Runs a command on a terminal; its exit code and all that the terminal showed."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(command(*words), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    deadline = time.monotonic() + PATIENCE
    with contextlib.suppress(OSError):  # the terminal is gone when the process is
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 1)[0]:
                continue
            part = os.read(ours, 65536)
            if not part:
                break
            shown += part
    os.close(ours)
    return process.wait(PATIENCE), shown.decode("utf-8", "replace")
