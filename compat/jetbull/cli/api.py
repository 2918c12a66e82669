"""Serve the old HTTP interface of the queue, until SIGTERM or ctrl-C.

It listens on loopback unless told otherwise, and elsewhere only with a token in JETBULL_API_TOKEN,
which callers send as `Authorization: Bearer …`. GET /openapi.json describes the calls.
"""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from functools import partial

import anyio

from jetbull.http import ApiSettings, create_app, serve

from .logs import set_up_logging
from .options import add_log_options, add_queue_options, add_until_eof_option, given
from .settings import LogSettings, read_settings
from .signals import stop_at_eof

__all__ = ["configure", "run"]


def configure(parser: ArgumentParser) -> None:
    """Add the options of `jetbull api`."""
    add_queue_options(parser)
    parser.add_argument("--host", help="address to listen on (JETBULL_API_HOST, else 127.0.0.1)")
    parser.add_argument("--port", help="(PORT, else 3000; 0 is a free one)")
    parser.add_argument(
        "--insecure",
        action=BooleanOptionalAction,
        help="listen elsewhere than on loopback without a token (JETBULL_API_INSECURE)",
    )
    parser.add_argument(
        "--read-only",
        action=BooleanOptionalAction,
        help="refuse calls that change something (JETBULL_API_READ_ONLY)",
    )
    add_until_eof_option(parser)
    add_log_options(parser)


def run(args: Namespace) -> int:
    """Serve until a signal comes."""
    settings = read_settings(ApiSettings, given(args))
    settings.check_exposure()
    set_up_logging(read_settings(LogSettings, given(args, "log_")))
    if args.until_eof:
        stop_at_eof()
    app = create_app(settings)
    anyio.run(partial(serve, app, settings, on_ready=_announce))
    return 0


def _announce(url: str) -> None:
    print(f"HTTP interface ready at {url}", flush=True)
