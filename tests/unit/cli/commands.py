"""Commands of `jetbull` as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue as Lines
from typing import Any

__all__ = ["Running", "running", "sentence_of"]

_PATIENCE_S = 30.0
_COMMAND = (sys.executable, "-P", "-m", "jetbull.cli")
"""As the installed command, which does not look for modules in the current folder first."""


def _environment(more: dict[str, str]) -> dict[str, str]:
    ours = ("JETBULL_", "WORKER_", "LOG_", "NATS_")
    return {**{k: v for k, v in os.environ.items() if not k.startswith(ours)}, **more}


class Running:
    """A command that runs; its output and its log arrive line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: Lines[str | None] = Lines()
        self._ended = False
        self.seen: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def line(self, wanted: Callable[[str], bool]) -> str:
        """The next line that is wanted; fails when the command ends before."""
        while (line := self._next()) is not None:
            if wanted(line):
                return line
        raise AssertionError("The command ended:\n" + "".join(self.seen))

    def _next(self) -> str | None:
        line = None if self._ended else self._lines.get(timeout=_PATIENCE_S)
        if line is None:
            self._ended = True
        else:
            self.seen.append(line)
        return line

    def logged(self, message: str) -> dict[str, Any]:
        """The fields of the next log line whose message begins so."""
        line = self.line(lambda text: f'"message": "{message}' in text)
        fields: dict[str, Any] = json.loads(line)
        return fields

    def send(self, number: int) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code."""
        code = self.process.wait(_PATIENCE_S)
        while self._next() is not None:
            continue
        return code


@contextmanager
def running(*arguments: str, folder: Path, **environment: str) -> Iterator[Running]:
    """`jetbull <arguments>` in `folder`; killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [*_COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=_environment(environment),
        text=True,
    )
    assert process.stdin is not None
    with process.stdin:
        command = Running(process)
        try:
            yield command
        finally:
            process.kill()
            command.wait()


def sentence_of(
    *arguments: str, folder: Path, code: int = 1, environment: dict[str, str] | None = None
) -> str:
    """What the command says on standard error when it ends with this code, without delay."""
    ended = subprocess.run(
        [*_COMMAND, *arguments],
        capture_output=True,
        cwd=folder,
        env=_environment(environment or {}),
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    return ended.stderr
