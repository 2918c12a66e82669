"""One server at a time in a data folder, also after a crash of whoever started it.

Two locks tell the cases apart: `server.lock` is inherited by the nats-server process and held
exactly as long as that runs; `owner.lock` is held by the process that started it. A server whose
owner was killed is an orphan: it is stopped before the next one starts.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

from .errors import FolderInUseError

__all__ = ["DataFolder"]

_ORPHAN_STOPS_WITHIN = 20.0
_LOOK_EVERY = 0.02


class DataFolder:
    """The folder with its locks; `claim` before use, `release` afterwards."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._owner: int | None = None
        self._server: int | None = None

    @property
    def server_lock(self) -> int:
        """The descriptor that the server process must inherit."""
        if self._server is None:
            raise RuntimeError("The data folder is not claimed.")
        return self._server

    def claim(self) -> None:
        """Make the folder ours; raises FolderInUseError while another process uses it."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._owner = _locked(self.path / "owner.lock")
        if self._owner is None:
            raise FolderInUseError(self._in_use())
        self._server = _locked(self.path / "server.lock")
        if self._server is None:
            self._stop_orphan()
            self._server = _locked(self.path / "server.lock")
        if self._server is None:
            self.release()
            raise FolderInUseError(self._in_use())

    def release(self) -> None:
        """Let go; a server that still runs keeps its own lock."""
        for descriptor in (self._server, self._owner):
            if descriptor is not None:
                os.close(descriptor)
        self._server = self._owner = None

    def note_pid(self, pid: int) -> None:
        """Remember the server process for whoever finds the folder in use."""
        (self.path / "server.pid").write_text(f"{pid}\n")

    def _stop_orphan(self) -> None:
        pid = self._noted_pid()
        deadline = time.monotonic() + _ORPHAN_STOPS_WITHIN
        if pid is None or not _signalled(pid):
            return
        while time.monotonic() < deadline and _is_locked(self.path / "server.lock"):
            time.sleep(_LOOK_EVERY)

    def _in_use(self) -> str:
        return (
            f"A NATS server (process {self._noted_pid() or 'unknown'}) already works in "
            f"{self.path}: stop it, or choose another data folder."
        )

    def _noted_pid(self) -> int | None:
        try:
            return int((self.path / "server.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None


def _signalled(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def _locked(path: Path) -> int | None:
    """A descriptor of the file with its lock, or None when somebody else holds the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_locked(path: Path) -> bool:
    descriptor = _locked(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
