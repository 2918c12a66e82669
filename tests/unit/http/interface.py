"""The HTTP interface as a process of its own, called over real HTTP."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

__all__ = ["ISO_TIME", "running_api", "taken"]

ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@contextmanager
def running_api(
    nats_url: str, prefix: str, open_files: tuple[int, int] | None = None, **environment: str
) -> Iterator[str]:
    """`jetbull api` on a free port; its URL. `open_files`: its soft and its hard limit."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("JETBULL_")}
    settings = {"NATS_URL": nats_url, "JETBULL_PREFIX": prefix, **environment}
    command = [sys.executable, "-m", "jetbull.cli", "api", "--port", "0", "--log-format", "json"]
    if open_files is not None:
        limits = "ulimit -S -n {} && ulimit -H -n {}".format(*open_files)
        command = ["sh", "-c", f'{limits} && exec "$@"', "sh", *command]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={**clean, **settings},
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        try:
            announced = output.readline()
            assert announced.startswith("HTTP interface ready at http://"), announced
            yield announced.split()[-1]
        finally:
            process.terminate()
            code = process.wait(30)
    assert code == 0


def taken(answer: httpx.Response, status: int) -> dict[str, object]:
    """The body of an answer with this status, less its timestamp, which is checked."""
    assert answer.status_code == status, answer.text
    body: dict[str, object] = answer.json()
    assert ISO_TIME.fullmatch(str(body.pop("timestamp")))
    return body
