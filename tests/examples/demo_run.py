"""The demo as a process of its own, watched line by line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue as Lines
from typing import Self

import psutil

__all__ = ["Demo"]

_TIMEOUT_S = 240.0
_FOREIGN = ("NATS_URL", "DATABASE_URL", "S3_ENDPOINT", "S3_BUCKET_NAME", "AZURE_SPEECH_KEY")


class Demo:
    """`jetbull demo --plain` in `folder`; every process of it is gone when the block ends."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._command = [sys.executable, "-m", "jetbull.cli", "demo", *arguments]
        self._command += ["--plain", "--folder", str(folder)]
        inherited = {k: v for k, v in os.environ.items() if k not in _FOREIGN}
        nowhere = str(folder.parent)  # no ffmpeg and no nats-server on PATH
        self._environment = {**inherited, "PATH": nowhere, **environment}
        self._lines: Lines[str | None] = Lines()
        self._family: dict[int, psutil.Process] = {}
        self.output = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def wait_for_line(self, wanted: Callable[[str], bool]) -> str:
        """The next line that is wanted; fails when the demo ends before."""
        while (line := self._lines.get(timeout=_TIMEOUT_S)) is not None:
            self.output += line
            if wanted(line):
                return line
        raise AssertionError(f"The demo ended:\n{self.output}")

    def wait(self) -> int:
        """The exit code, with everything it printed in `output`."""
        while (line := self._lines.get(timeout=_TIMEOUT_S)) is not None:
            self.output += line
        return self._process.wait(_TIMEOUT_S)

    def processes(self) -> list[psutil.Process]:
        """All processes the demo has started so far that were seen, and still run."""
        if self._process.poll() is None:
            for child in psutil.Process(self._process.pid).children(recursive=True):
                self._family[child.pid] = child
        return [p for p in self._family.values() if p.is_running() and p.status() != "zombie"]

    def find(self, word: str) -> psutil.Process:
        """The first of its processes with this program or command on its command line."""
        return next(p for p in self.processes() if word in [Path(w).name for w in p.cmdline()])

    def interrupt(self) -> None:
        """As ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
