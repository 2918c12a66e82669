"""Process the jobs of a queue with a processor of yours.

The processor is a function of a job (async or plain), an object with process_job(name, data), a
class or function that makes one of these, or a Worker. At SIGTERM, ctrl-C or the terminal's end no
new job is taken and the running ones finish; a second SIGTERM or ctrl-C, or the end of the grace
time, leaves them to other workers.
"""

from __future__ import annotations

import logging
import os
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec

import anyio

from .loading import load
from .logs import set_up_logging
from .options import add_log_options, add_queue_options, add_until_eof_option, given
from .running import work
from .settings import LogSettings, WorkerSettings, read_settings
from .signals import stop_at_eof

__all__ = ["configure", "run"]


def configure(parser: ArgumentParser) -> None:
    """Add the options of `jetbull worker`."""
    parser.add_argument(
        "processor", metavar="module:attribute", help="such as audibook.worker:worker"
    )
    add_queue_options(parser)
    parser.add_argument(
        "--concurrency", metavar="N", help="jobs at once (WORKER_CONCURRENCY, else 1)"
    )
    parser.add_argument(
        "--grace", metavar="SECONDS", help="for running jobs to finish (WORKER_GRACE, else 30)"
    )
    parser.add_argument(
        "--lock",
        metavar="SECONDS",
        help="after a crash its jobs are taken again this much later (WORKER_LOCK, else 30)",
    )
    parser.add_argument(
        "--max-stalled",
        metavar="N",
        help="a job that loses its worker more often fails (WORKER_MAX_STALLED, else as the "
        "processor says in its worker_options, else 1)",
    )
    parser.add_argument(
        "--pool",
        choices=["threads", "processes"],
        help="where jobs run: async ones in the event loop and plain ones in threads, or all in "
        "processes, for CPU-bound work and code that may crash (WORKER_POOL, else threads)",
    )
    add_until_eof_option(parser)
    add_log_options(parser)


def run(args: Namespace) -> int:
    """Work until a signal comes; 1 when jobs had to be left to other workers."""
    settings = read_settings(WorkerSettings, given(args))
    set_up_logging(read_settings(LogSettings, given(args, "log_")))
    if args.until_eof:
        stop_at_eof()
    finished = anyio.run(
        _work, args.processor, settings, backend_options={"use_uvloop": _has_uvloop()}
    )
    if not finished:
        # Plain functions may still run in threads, and the interpreter would wait for them.
        logging.shutdown()
        os._exit(1)
    return 0


async def _work(reference: str, settings: WorkerSettings) -> bool:
    # Loaded inside the loop: a Worker made at import needs one.
    return await work(load(reference), reference, settings)


def _has_uvloop() -> bool:
    return find_spec("uvloop") is not None
