"""Running the application in this process."""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from jetbull.errors import ConfigurationError

from .settings import ApiSettings

__all__ = ["serve"]

_STOPS_WITHIN = 15
_SAID_EVERY = 60.0
# What asyncio says then, and, of its next tries to listen, when the process ends meanwhile.
_NO_FILE_SAID = (
    "socket.accept() out of system resource",
    "Exception in callback BaseSelectorEventLoop._start_serving(",
)
_NO_FILE_LEFT = (
    "callers wait, for this process may open no more files: raise its limit (`ulimit -n`), "
    "or start another interface beside it"
)
_MOST_FILES = 65_536
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(app: FastAPI, settings: ApiSettings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL once requests are taken.

    Raises ConfigurationError when the address may not be used (see `ApiSettings`) or is taken.
    """
    settings.check_exposure()
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancelled_call)
    logging.getLogger("asyncio").addFilter(_OnceInAWhile())
    _allow_many_files()
    with _listening(settings.host, settings.port) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOPS_WITHIN,
        )
        server = _Server(config, on_ready, f"http://{host}:{listener.getsockname()[1]}")
        with _signals_kept():
            await server.serve(sockets=[listener])


def _is_no_cancelled_call(record: logging.LogRecord) -> bool:
    # uvicorn says how many calls it cancels at its end, and gives the traceback of each as well.
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


class _OnceInAWhile(logging.Filter):
    """Says once a minute that no file is left; asyncio says it thousands of times a second."""

    _said_at = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written, in our words."""
        if not record.getMessage().startswith(_NO_FILE_SAID):
            return True
        if record.created - self._said_at < _SAID_EVERY:
            return False
        self._said_at = record.created
        record.msg, record.args, record.exc_info = _NO_FILE_LEFT, (), None
        return True


def _allow_many_files() -> None:
    """Take what the system allows: each caller is an open file, and shells give few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS refuses more than its own bound
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None], url: str) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready(self._url)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise ConfigurationError(
            f"The interface cannot listen on {host}:{port} ({error.strerror or error}): "
            "choose another address or PORT, or stop what uses it."
        ) from error
    with listener:
        yield listener


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Let uvicorn's last act, raising again the signal that ended it, have no effect."""

    def ignore(number: int, frame: FrameType | None) -> None:
        """The signal has been obeyed already."""

    before = {number: signal.signal(number, ignore) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
