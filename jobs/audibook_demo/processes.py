"""Processes that are kept alive as long as the demo runs, and end with it in every case."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
from anyio.abc import AnyByteReceiveStream, Process, TaskStatus

from jetbull.server import EmbeddedServer, ServerStartError

from .errors import DemoError

__all__ = ["Program", "keep_running", "keep_server"]

_STOPS_WITHIN = 8.0
_PAUSE = 0.5
_SOON = 5.0
_QUICK_ENDS = 3
_ENDED_BY_OTHERS = {-9, -signal.SIGTERM, 0}  # Windows has no SIGKILL
_LINE_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Program:
    """A `jetbull` command; `announces` if its first line of output says that it is ready."""

    name: str
    arguments: Sequence[str]
    announces: bool = False


async def keep_running(
    program: Program,
    environment: Mapping[str, str],
    logs: Path,
    *,
    task_status: TaskStatus[str] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run the program until cancelled, again whenever it ends; its first line is the status.

    The program stops when its standard input ends, and so also when this process is killed.
    Raises DemoError when it ends at once several times, unless somebody else ended it.
    """
    log = logs / f"{program.name}.log"
    quick_ends, announced = 0, False
    while True:
        began = anyio.current_time()
        # Shielded: of a start that is cancelled nobody would know the process.
        with log.open("ab") as errors, anyio.CancelScope(shield=True):
            process = await anyio.open_process(
                # -P: a folder named jetbull in the current one is not this package
                [sys.executable, "-P", "-m", "jetbull.cli", *program.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if program.announces else errors,
                stderr=errors,
                env=environment,
                start_new_session=True,  # ctrl-C is for the demo, which stops the others in order
            )
        try:
            line = await _first_line(process.stdout) if process.stdout is not None else ""
            if not announced and (line or not program.announces):
                announced = True
                task_status.started(line)
            await process.wait()
        finally:
            await _end(process)
        if process.returncode not in _ENDED_BY_OTHERS:
            quick_ends = quick_ends + 1 if anyio.current_time() - began < _SOON else 0
        if quick_ends >= _QUICK_ENDS:
            raise DemoError(f"The process {program.name} ends at once; {log} tells why.")
        await anyio.sleep(_PAUSE)


async def keep_server(server: EmbeddedServer) -> None:
    """Start the server again whenever it ends, also on its way up, until cancelled."""
    failed_starts = 0
    while True:
        try:
            if failed_starts == 0:
                await anyio.to_thread.run_sync(server.wait, abandon_on_cancel=True)
            await anyio.to_thread.run_sync(server.start)
        except ServerStartError:
            failed_starts += 1
            if failed_starts == _QUICK_ENDS:
                raise
            await anyio.sleep(_PAUSE)
        else:
            failed_starts = 0


async def _first_line(output: AnyByteReceiveStream) -> str:
    text = b""
    while b"\n" not in text and len(text) < _LINE_LENGTH:
        try:
            text += await output.receive()
        except anyio.EndOfStream:
            break
    return text.decode(errors="replace").partition("\n")[0]


async def _end(process: Process) -> None:
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with anyio.move_on_after(_STOPS_WITHIN):
                await process.wait()
        await process.aclose()
