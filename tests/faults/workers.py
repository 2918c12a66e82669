"""The worker processes of a run, as seen by the one who kills them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.faults.forking import FORKSERVER
from tests.faults.worker import Orders, run

__all__ = ["WorkerProcess", "Workforce"]

_STARTS_WITHIN = 40.0


class WorkerProcess:
    """One worker process; its log is a file beside its book."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self._process: ForkServerProcess | None = None

    async def start(self) -> None:
        """Starts the process; returns when its worker is ready, or was killed before it was."""
        log = Path(self.orders.folder) / f"log-{self.orders.name}.txt"
        ours, theirs = FORKSERVER.Pipe(duplex=False)
        with ours:
            with theirs:
                arguments = (self.orders, log, theirs)
                self._process = FORKSERVER.Process(target=run, args=arguments, daemon=True)
                self._process.start()
            if not await asyncio.to_thread(ours.poll, _STARTS_WITHIN):
                raise AssertionError(f"{self.orders.name} did not start, see {log}")
            with contextlib.suppress(EOFError):
                ours.recv()
                return
        if await self.ended(_STARTS_WITHIN) != -signal.SIGKILL:
            raise AssertionError(f"{self.orders.name} ended before it was ready, see {log}")

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def signal(self, what: signal.Signals) -> None:
        """Sends a signal, unless the process is gone."""
        assert self._process is not None and self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, what)

    async def ended(self, within: float) -> int:
        """The exit code; TimeoutError when the process is still there after `within` seconds."""
        assert self._process is not None
        async with asyncio.timeout(within):
            while (code := self._process.exitcode) is None:
                await asyncio.sleep(0.01)
        return code


class Workforce:
    """All worker processes of a run; whoever dies is replaced, as a supervisor would."""

    def __init__(self, count: int, orders: Orders) -> None:
        self._orders = orders
        self._number = 0
        self.hands = [WorkerProcess(self._next()) for _ in range(count)]
        self.gone: list[WorkerProcess] = []
        self._supervisor: asyncio.Task[None] | None = None

    def _next(self) -> Orders:
        self._number += 1
        return replace(self._orders, name=f"w{self._number}")

    async def start(self, **changes: object) -> None:
        """Starts all; `changes` to the orders of the first."""
        if changes:
            first = self.hands[0]
            first.orders = replace(first.orders, **changes)  # type: ignore[arg-type]
        await asyncio.gather(*(hand.start() for hand in self.hands))
        self._supervisor = asyncio.create_task(self._supervise())

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for place, hand in enumerate(self.hands):
                if not hand.alive:
                    self.gone.append(hand)
                    self.hands[place] = WorkerProcess(self._next())
                    await self.hands[place].start()

    @property
    def names(self) -> list[str]:
        """The workers that are there now."""
        return [hand.orders.name for hand in self.hands if hand.alive]

    async def stop(self, within: float = 15.0) -> list[int]:
        """SIGTERM to all; their exit codes."""
        await self._unsupervised()
        for hand in self.hands:
            hand.signal(signal.SIGTERM)
        return list(await asyncio.gather(*(hand.ended(within) for hand in self.hands)))

    async def kill(self) -> None:
        """Ends what is left, whatever state it is in."""
        await self._unsupervised()
        for hand in self.hands:
            if hand.alive:
                hand.signal(signal.SIGKILL)
                await hand.ended(10)

    async def _unsupervised(self) -> None:
        task, self._supervisor = self._supervisor, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
