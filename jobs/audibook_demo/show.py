"""One run of the demo, from the book to the audiobook."""

from __future__ import annotations

import enum
import socket
from contextlib import AsyncExitStack, suppress

import anyio
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from audibook import Library
from audibook.catalogue import Catalogue
from audibook.storage import open_storage
from jetbull import Queue
from jetbull.cli.signals import stop_signals
from jetbull.server import EmbeddedServer

from .boards import Bars, Board, Lines, print_table
from .errors import DemoError
from .making import Making
from .plan import QUEUE, Plan
from .processes import Program, keep_running, keep_server

__all__ = ["Outcome", "show"]

_HOST = "127.0.0.1"
_LOCK_S = 10
_GRACE_S = 3


class Outcome(enum.Enum):
    """How a run ended."""

    FINISHED = "finished"
    STOPPED = "stopped"


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line, which ends without a word: rich would raise SystemExit."""
        raise BrokenPipeError


async def show(plan: Plan) -> Outcome:
    """Make the audiobook and tell about it; stops in order at a signal.

    Raises DemoError when the book cannot be made into an audiobook.
    """
    console = _Console()
    outcome = Outcome.STOPPED
    with anyio.open_signal_receiver(*stop_signals()) as signals:
        async with anyio.create_task_group() as tasks:

            async def stop() -> None:
                await anext(signals)
                tasks.cancel_scope.cancel()
                with suppress(OSError):  # the terminal may be what has ended
                    console.print("stopping; run the same command again to go on")

            tasks.start_soon(stop)
            await _run(plan, console)
            outcome = Outcome.FINISHED
            tasks.cancel_scope.cancel()
    return outcome


async def _run(plan: Plan, console: Console) -> None:
    try:
        await _make(plan, console)
    except* SQLAlchemyError as failed:
        reason = _first(failed)
        told = getattr(reason, "orig", None) or reason
        raise DemoError(
            f"The catalogue of the demo cannot be used ({told}): "
            f"make room in {plan.folder}, or choose another --folder."
        ) from reason


def _first(group: BaseExceptionGroup[SQLAlchemyError]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


async def _make(plan: Plan, console: Console) -> None:
    if plan.nats_url is not None:  # before anything waits for a server that is not there
        async with Queue(QUEUE, {"connection": plan.nats_url, "prefix": plan.prefix}) as queue:
            await queue.waitUntilReady()
    settings = plan.settings
    library = Library(Catalogue(settings.catalogue_url), open_storage(settings))
    book = await library.register(plan.epub)
    async with AsyncExitStack() as stack:
        server: EmbeddedServer | None = None
        if plan.nats_url is None:
            server = await stack.enter_async_context(EmbeddedServer(plan.nats_folder))
        nats_url = plan.nats_url or (server.url if server else "")
        async with anyio.create_task_group() as keepers:
            environment = plan.environment(nats_url)
            if server is not None:
                keepers.start_soon(keep_server, server)
            announced = await keepers.start(keep_running, _api(), environment, plan.logs)
            for number in range(1, plan.workers + 1):
                keepers.start_soon(keep_running, _worker(number), environment, plan.logs)
            announcement = f"{announced}; {plan.workers} workers; NATS at {nats_url}"
            console.print(announcement, markup=False, soft_wrap=True)
            with _board(plan, console) as board:
                making = Making(plan, library, book, nats_url, announced.rpartition(" ")[2])
                made = await making.make(board)
            print_table(console, made.rows)
            minutes, seconds = divmod(round(made.seconds), 60)
            finished = f"{made.path} ({minutes}:{seconds:02})"
            console.print(finished, markup=False, soft_wrap=True)
            keepers.cancel_scope.cancel()


def _api() -> Program:
    """The interface on a free port, which is the same when it is started again."""
    with socket.create_server((_HOST, 0)) as free:
        port = str(free.getsockname()[1])
    arguments = ["api", "--port", port, "--host", _HOST, "--until-eof"]
    return Program("api", arguments, announces=True)


def _worker(number: int) -> Program:
    arguments = ["worker", "audibook.worker:worker", "--concurrency", "1", "--until-eof"]
    timing = ["--lock", str(_LOCK_S), "--grace", str(_GRACE_S)]
    return Program(f"worker-{number}", [*arguments, *timing])


def _board(plan: Plan, console: Console) -> Board:
    return Lines(console) if plan.plain else Bars(console)
