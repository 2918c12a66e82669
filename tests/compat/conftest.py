"""How old callers arrive: each test on an empty server of its own session, and nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from jetbull.server import EmbeddedServer
from jetbull.testing import flush, no_leaks

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest_asyncio.fixture(autouse=True)
async def _clean(nats_server: EmbeddedServer) -> AsyncIterator[None]:
    """An empty server before the test, no leaks and an empty server after it."""
    await flush(nats_server.url)
    async with no_leaks(nats_server.url):
        yield
    await flush(nats_server.url)


@pytest.fixture
def run(tmp_path: Path, nats_server: EmbeddedServer) -> Run:
    """Runs a command line in an empty folder; fails the test when the command fails."""

    def _run(
        *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        finished = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "NATS_URL": nats_server.url, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished

    return _run


@pytest.fixture
def execute(run: Run) -> Run:
    """Runs a command line under `jetbull exec`."""

    def _execute(
        *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return run(sys.executable, "-m", "jetbull.cli", "exec", "--", *command, env=env)

    return _execute
