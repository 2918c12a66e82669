"""A child of the process pool: `python -m jetbull.cli.sandboxed FD module:attribute`."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any

from jetbull import Job
from jetbull.backend import Backend
from jetbull.errors import JetbullError, text_of
from jetbull.ledger.store.store import QueueStore
from jetbull.link import Link
from jetbull.minimal_queue import MinimalQueue

from .loading import as_call, close, load
from .logs import set_up_logging
from .settings import LogSettings, read_settings

__all__ = ["LINE_LIMIT", "main"]

LINE_LIMIT = 64 * 1024 * 1024  # bytes of one line: data and return value in JSON


class _Line:
    """The parent, at the other end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._busy = asyncio.Lock()
        self._asking: set[asyncio.Task[Any]] = set()

    async def hear(self) -> dict[str, Any] | None:
        """The next order; None when the parent is gone."""
        line = await self._reader.readline()
        return json.loads(line) if line else None

    async def end(self, job: _SandboxedJob, line: bytes) -> None:
        """Tells how the job ended; it asks for nothing any more."""
        async with self._busy:
            job.ended = True
            await self._say(line)

    async def ask(self, job: _SandboxedJob, name: str, *args: Any) -> Any:
        """Lets the parent call a method of the job."""
        # Whoever asked may be cancelled: the answer has to be heard all the same.
        asking = asyncio.ensure_future(self._ask(job, name, args))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        return await asyncio.shield(asking)

    async def _say(self, line: bytes) -> None:
        self._writer.write(line + b"\n")
        await self._writer.drain()

    async def _ask(self, job: _SandboxedJob, name: str, args: tuple[Any, ...]) -> Any:
        line = _encoded({"call": name, "args": args})
        async with self._busy:
            if job.ended:
                raise JetbullError(f"job.{name} comes too late: the job has ended.")
            await self._say(line)
            answer = await self.hear()
        if answer is None:
            raise JetbullError("The worker that runs this job is gone.")
        if "refused" in answer:
            raise JetbullError(answer["refused"])
        return answer["value"]


def _encoded(line: dict[str, Any]) -> bytes:
    return json.dumps(line, allow_nan=False).encode()


class _NoBackend(Backend):
    async def ledger(self) -> QueueStore:
        """Nobody may use the ledger here."""
        raise JetbullError("This method of the job is not available in a process of the pool.")


class _Owner(MinimalQueue):
    """Stands for the worker, which is in another process, and tells the listeners there."""

    def __init__(self, name: str) -> None:
        super().__init__(name, _NoBackend(name, "", Link("", name, None)))
        self.prefix = ""
        self.qualifiedName = name


class _SandboxedJob(Job):
    """A job as its processor sees it in a child: to read, and a few methods."""

    def __init__(self, line: _Line, order: dict[str, Any]) -> None:
        given = order["job"]
        super().__init__(_Owner(order["queue"]), given["name"], given["data"], given["opts"])
        for name in _COPIED:
            setattr(self, name, given[name])
        self.token = order["token"]
        self._line = line
        self.ended = False

    async def updateProgress(self, progress: Any) -> None:
        """As in `Job`."""
        self.progress = progress
        await self._line.ask(self, "updateProgress", progress)

    async def updateData(self, data: Any) -> None:
        """As in `Job`."""
        self.data = data
        await self._line.ask(self, "updateData", data)

    async def log(self, logRow: str) -> int:
        """As in `Job`."""
        return int(await self._line.ask(self, "log", logRow))


_COPIED = (
    "id",
    "timestamp",
    "progress",
    "attemptsMade",
    "attemptsStarted",
    "stalledCounter",
    "processedOn",
    "delay",
    "priority",
    "parent",
    "parentKey",
    "stacktrace",
)


class _Parent:
    """Ends this process when the parent is gone and a job runs: it is another worker's by then.

    In a thread, since the processor may block the event loop.
    """

    def __init__(self, fd: int) -> None:
        self._fd = os.dup(fd)
        self._is_waiting = self._is_gone = False
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        gone = select.poll()
        gone.register(self._fd, 0)  # its end is told without being asked for
        gone.poll()
        self._is_gone = True
        self._look()

    def wait(self, waits: bool) -> None:
        """It waits for the processor's work on a job, or no more.

        Work that is done has nothing to stop: a parent that closes then lets the processor close.
        """
        self._is_waiting = waits
        self._look()

    def _look(self) -> None:
        if self._is_gone and self._is_waiting:
            os._exit(1)


async def _serve(fd: int, reference: str) -> None:
    processor = load(reference)
    call, arguments = as_call(processor, 1, reference)
    sock = socket.socket(fileno=fd)
    line = _Line(*await asyncio.open_connection(sock=sock, limit=LINE_LIMIT))
    parent = _Parent(fd)
    while (order := await line.hear()) is not None:
        parent.wait(True)
        job = _SandboxedJob(line, order)
        try:
            result = await call(*(job, job.token, None)[:arguments])
            said = _encoded({"result": result})
        except Exception as error:
            kinds = [cls.__name__ for cls in type(error).__mro__]
            trace = "".join(traceback.format_exception(error))
            said = _encoded({"error": text_of(error), "kinds": kinds, "trace": trace})
        parent.wait(False)
        with suppress(ConnectionError):  # the parent is gone, which hear() tells
            await line.end(job, said)
    await close(processor)


def main() -> None:
    """Runs jobs until the parent closes the socket."""
    set_up_logging(read_settings(LogSettings, {}))
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
