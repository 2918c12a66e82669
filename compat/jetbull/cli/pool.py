"""Jobs in processes of their own: a child that crashes or runs out of memory fails its job only.

Each child runs one job at a time and is used again; parent and child speak in lines of JSON over a
socket. A job that is cancelled, or left behind when the worker is stopped by force, ends with its
child.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from typing import Any

from jetbull import Job
from jetbull.errors import JetbullError, UnrecoverableError

from .sandboxed import LINE_LIMIT

__all__ = ["ProcessPool"]

_CALLS = frozenset({"updateProgress", "updateData", "log"})
"""What a processor in a child may do with its job besides reading it."""

_ENDS_WITHIN = 5.0  # seconds
_LAST_WORDS = 1.0  # seconds for what a child that has ended said before


class ProcessPool:
    """Up to `size` children that have loaded the processor `reference`."""

    def __init__(self, reference: str, size: int) -> None:
        self._reference = reference
        self._idle: list[_Child] = []
        self._places = asyncio.Semaphore(size)

    async def run(self, job: Job, token: str) -> Any:
        """What the processor returns for the job.

        Raises what it raised, by message and `kind` (UnrecoverableError as such); JetbullError says
        how a child ended that did not answer.
        """
        async with self._places:
            child = await self._child()
            try:
                result = await child.run(job, token)
            except _JobFailed as failed:
                self._idle.append(child)
                raise failed.error from None
            except BaseException:
                await child.kill()
                raise
            self._idle.append(child)
            return result

    async def _child(self) -> _Child:
        while self._idle:
            child = self._idle.pop()
            if child.lives:
                return child
            await child.kill()  # it ended between two jobs, which is the fault of neither
        return await _Child.start(self._reference)

    async def close(self) -> None:
        """Ends the children; they are killed if they do not end in time."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(child.close() for child in idle))


class _Failure(JetbullError):
    """What a processor raised in its child; `kind` is the name of its class there."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said["error"])
        self.kind: str = said["kinds"][0]
        self.add_note(said["trace"])


class _FinalFailure(_Failure, UnrecoverableError):
    """One after which the job is not tried again."""


class _JobFailed(Exception):
    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Child:
    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._ended = asyncio.ensure_future(process.wait())

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return not self._ended.done()

    @classmethod
    async def start(cls, reference: str) -> _Child:
        ours, theirs = socket.socketpair()
        process: asyncio.subprocess.Process | None = None
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    "jetbull.cli.sandboxed",
                    str(theirs.fileno()),
                    reference,
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    # ctrl-C in a terminal is for the parent, which lets running jobs finish.
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": _path_but_here()},
                )
            reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_LIMIT)
        except BaseException:
            ours.close()
            if process is not None and process.returncode is None:
                process.kill()
            raise
        return cls(process, reader, writer)

    async def run(self, job: Job, token: str) -> Any:
        await self._say({"job": job.asJSON(), "token": token, "queue": job.queueName})
        while True:
            said = await self._hear()
            if "call" in said:
                await self._say(await _called(job, said["call"], said["args"]))
            elif "error" in said:
                raise _JobFailed(_error(said))
            else:
                return said["result"]

    async def _say(self, line: dict[str, Any]) -> None:
        self._writer.write(json.dumps(line).encode() + b"\n")
        try:
            await self._writer.drain()
        except ConnectionError:
            raise JetbullError(await self._how_it_ended()) from None

    async def _hear(self) -> dict[str, Any]:
        try:
            line = await self._line()
        except ConnectionError:
            line = b""
        if not line:
            raise JetbullError(await self._how_it_ended())
        said: dict[str, Any] = json.loads(line)
        return said

    async def _line(self) -> bytes:
        """What the child says next, nothing when it has ended.

        The end of the socket alone does not tell: what the child forked may hold it open.
        """
        line = asyncio.ensure_future(self._reader.readline())
        try:
            await asyncio.wait([line, self._ended], return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                await asyncio.wait([line], timeout=_LAST_WORDS)
            return line.result() if line.done() else b""
        finally:
            line.cancel()
            await asyncio.gather(line, return_exceptions=True)

    async def _how_it_ended(self) -> str:
        code = await asyncio.shield(self._ended)
        how = f"with signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return f"The process of the job ended {how}."

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.shield(self._ended)
        self._writer.close()

    async def close(self) -> None:
        self._writer.close()
        await asyncio.wait([self._ended], timeout=_ENDS_WITHIN)
        if self.lives:
            await self.kill()


async def _called(job: Job, name: str, args: list[Any]) -> dict[str, Any]:
    """Does for the child what only the holder of the lock can do."""
    if name not in _CALLS:
        return {"refused": f"job.{name} is not available in a process of the pool."}
    try:
        return {"value": await getattr(job, name)(*args)}
    except JetbullError as error:
        return {"refused": str(error)}


def _error(said: dict[str, Any]) -> Exception:
    return (_FinalFailure if "UnrecoverableError" in said["kinds"] else _Failure)(said)


def _path_but_here() -> str:
    """Where Python looks, without the current folder: one named jetbull in it is not this package.

    `load` puts it back when jetbull is imported.
    """
    return os.pathsep.join(p for p in sys.path if p and p != os.getcwd())
