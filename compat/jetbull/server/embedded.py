"""A nats-server process with JetStream on loopback."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import anyio
import anyio.to_thread

from .config import LOOPBACK, configuration
from .errors import ServerStartError
from .folder import DataFolder
from .program import find_nats_server, server_environment

__all__ = ["EmbeddedServer"]

_LOOK_EVERY = 0.01
_STOPS_WITHIN = 20.0
_WRITES_WITHIN = 5.0


class EmbeddedServer:
    """Runs nats-server in `data`; without it in a temporary folder that goes away with `stop`.

    `port` 0 is a free one, kept over restarts of this object. `monitor_port` turns on the
    server's HTTP monitoring. `sync` is JetStream's `sync_interval`: "always" writes through to
    the disk before each acknowledgement; by default the server does so every two minutes.
    `extra` adds top-level settings to the server's configuration.

    Use it as a context manager, plain or async, or call `start` and `stop`, which block. What
    still runs at the end of the program is stopped then.
    """

    def __init__(
        self,
        data: Path | str | None = None,
        *,
        port: int = 0,
        host: str = LOOPBACK,
        monitor_port: int | None = None,
        sync: str | None = None,
        extra: Mapping[str, Any] | None = None,
        start_timeout: float = 60.0,
    ) -> None:
        self.host = host
        self.port = port
        self._temporary = data is None
        self._given = None if data is None else Path(data)
        self._monitor_port = monitor_port
        self._sync = sync
        self._extra = dict(extra or {})
        self._start_timeout = start_timeout
        self._folder: DataFolder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0
        self._owner = 0  # the process that started the server; what it forks has no part in it

    # --- facts -------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """`nats://host:port`; the port is known once the server was started."""
        return f"nats://{self.host}:{self.port}"

    @property
    def data(self) -> Path:
        """The folder of the store, the log `nats.log` and the configuration `nats.conf`."""
        if self._folder is None:
            raise ServerStartError("The embedded server has no folder yet: start it first.")
        return self._folder.path

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.data / "nats.log"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        """Whether the server process is there."""
        return self._process is not None and self._process.poll() is None

    # --- starting and stopping ---------------------------------------------------------

    def start(self) -> str:
        """Start the server and wait until it accepts clients; gives its URL.

        Does nothing when it runs. Starts again, on the same port with the same data, after
        `kill` or `stop`. Raises ServerStartError, or FolderInUseError for a folder in use.
        """
        try:
            deadline = self._begin()
            while not self._is_ready(deadline):
                time.sleep(_LOOK_EVERY)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly; a temporary folder is removed. May be called again."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            try:
                self._process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()
        if self._temporary and self._folder is not None:
            shutil.rmtree(self._folder.path, ignore_errors=True)
            self._folder = None

    def kill(self) -> None:
        """Kill the server as a crash would; `start` brings it back with its data."""
        if self._process is not None and self.is_running:
            self._process.kill()
        self._reap()

    def wait(self) -> int:
        """Block until the server process ends; its exit code."""
        if self._process is None:
            raise ServerStartError("The embedded server does not run: start it first.")
        return self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        try:
            deadline = await anyio.to_thread.run_sync(self._begin)
            while not self._is_ready(deadline):  # noqa: ASYNC110 - a process has no event
                await anyio.sleep(_LOOK_EVERY)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)

    # --- inside ------------------------------------------------------------------------

    def _begin(self) -> float:
        """Launch the process unless it runs; the (monotonic) time by which it must be ready."""
        deadline = time.monotonic() + self._start_timeout
        if not self.is_running:
            program = find_nats_server()
            self._reap()
            if self._folder is None:
                self._folder = DataFolder(self._path())
            try:
                self._folder.claim()
                self._launch(program, self._folder)
            except OSError as error:
                raise ServerStartError(
                    f"nats-server cannot be started in {self._folder.path} ({error.strerror}: "
                    f"{error.filename or 'its files'}): mend that, or choose another data folder."
                ) from error
        return deadline

    def _path(self) -> Path:
        if self._given is None:
            return Path(tempfile.mkdtemp(prefix="jetbull-nats-"))
        return self._given.resolve()

    def _launch(self, program: Path, folder: DataFolder) -> None:
        config = folder.path / "nats.conf"
        text = configuration(
            folder.path,
            host=self.host,
            port=self.port,
            monitor_port=self._monitor_port,
            sync=self._sync,
            extra=self._extra,
        )
        config.touch(0o600)  # `extra` may hold passwords
        config.write_bytes(os.fsencode(text))
        for left_behind in folder.path.glob("*.ports"):
            left_behind.unlink()
        self._log_offset = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                [str(program), "--config", str(config)],
                env=server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[folder.server_lock],
                start_new_session=True,  # ctrl-C is for us: clients close before the server
            )
        self._owner = os.getpid()
        atexit.register(self._stop_at_exit)
        folder.note_pid(self._process.pid)

    def _is_ready(self, deadline: float) -> bool:
        """Whether clients are served; ServerStartError when the process ended or time is over."""
        assert self._process is not None
        if self._greets():
            return True
        if self._process.poll() is not None:
            raise ServerStartError(f"nats-server did not start: {self._complaint()}.")
        if _is_stuck_half_written(self.data):
            raise ServerStartError(
                f"nats-server cannot write to {self.data}: make room there, or choose another "
                "data folder."
            )
        if time.monotonic() > deadline:
            raise ServerStartError(
                f"nats-server did not answer within {self._start_timeout:g} s; see {self.log_file}."
            )
        return False

    def _greets(self) -> bool:
        """Whether the server has told its port and greets a client there."""
        port = _port_in(self.data)
        if port is None:
            return False
        try:
            with socket.create_connection((self.host, port), timeout=1.0) as client:
                greeted = client.recv(5) == b"INFO "
        except OSError:
            return False
        if greeted:
            self.port = port
        return greeted

    def _complaint(self) -> str:
        """The server's own reason for ending, from what it logged since it was started."""
        assert self._process is not None
        with self.log_file.open("rb") as log:
            log.seek(self._log_offset)
            lines = log.read().decode(errors="replace").splitlines()
        for line in reversed(lines):
            for mark in ("[FTL] ", "[ERR] ", "nats-server: "):
                if mark in line:
                    return _with_remedy(line.partition(mark)[2].rstrip("."))
        return f"it ended with code {self._process.returncode}, see {self.log_file}"

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._owner:
            self.stop()

    def _reap(self) -> None:
        """Forget a process that has ended, and let go of the folder."""
        if self._process is not None:
            self._process.wait()
            self._process = None
            atexit.unregister(self._stop_at_exit)
        if self._folder is not None:
            self._folder.release()


def _with_remedy(complaint: str) -> str:
    if "address already in use" in complaint:
        return f"{complaint}: stop what uses this port, or choose another one"
    return complaint


def _is_stuck_half_written(folder: Path) -> bool:
    """Whether the file with the ports is there and stays empty: the disk is full."""
    stats = [path.stat() for path in folder.glob("*.ports")]
    return any(s.st_size == 0 and time.time() - s.st_mtime > _WRITES_WITHIN for s in stats)


def _port_in(folder: Path) -> int | None:
    for path in folder.glob("*.ports"):
        text = path.read_text()
        if text:
            return int(str(json.loads(text)["nats"][0]).rsplit(":", 1)[1])
    return None
