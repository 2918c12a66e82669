"""A worker at work on one connection: its slots, and the loops beside them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from jetbull.errors import ConnectionClosedError, JetbullError
from jetbull.ledger.adding import intake
from jetbull.ledger.queue.idle import is_drained
from jetbull.ledger.queue.presence import Presence
from jetbull.ledger.store.store import QueueStore
from jetbull.shielding import unless
from jetbull.tasks import background
from jetbull.workers.admission import Admission
from jetbull.workers.roles import ServingOwner
from jetbull.workers.settings import limited_look_ms
from jetbull.workers.silence import silence
from jetbull.workers.slots import Slots
from jetbull.workers.upkeep import Upkeep

log = logging.getLogger("jetbull.worker")

_AGAIN_SECONDS = 0.5  # between two questions that the server did not answer
_LAST_LOOK_SECONDS = 2.0  # a closing worker waits no longer to learn whether the queue is drained


class Serving:
    """What a worker has from the moment it is connected until it closes, or something breaks.

    `force` is set when running jobs are not to be waited for.
    """

    def __init__(self, worker: ServingOwner, store: QueueStore, force: asyncio.Event) -> None:
        self._worker = worker
        self._store = store
        self._force = force
        opts = worker.opts
        self.admission = Admission(
            store, opts.get("limiter"), worker._look_again, limited_look_ms(opts)
        )
        self.slots = Slots(worker, store, self.admission, worker._process)
        self._presence = Presence(store, worker._cancel)
        self._idle_check: asyncio.Task[None] | None = None
        self._idle_again = False  # since the look that is under way began
        self._busy_meanwhile = False

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set; raises what ends one of the loops."""
        worker, store, slots = self._worker, self._store, self.slots
        stopped = asyncio.ensure_future(stop.wait())
        loops: list[asyncio.Future[Any]] = []
        try:
            await unless(stop, self._open())
            if stop.is_set():
                return
            loops.append(background(slots.source.run()))
            if not worker.opts.get("skipStalledCheck"):
                loops.append(worker._stalled_check.start(store))
                loops.append(background(Upkeep(store).run()))
            if worker.name == intake.QUEUE:
                loops.append(background(intake.Intake(store).run()))
            if not worker.opts.get("skipLockRenewal"):
                worker.lockManager.start()
            slots.grow(worker.concurrency)
            worker._ready.set()
            worker.emit_safely("ready")
            done, _ = await asyncio.wait([stopped, *loops], return_when=asyncio.FIRST_COMPLETED)
            for loop in done - {stopped}:
                loop.result()
        finally:
            await self._wind_down([stopped, *loops])
            await self._presence.close()
            await slots.source.close()
            await self.admission.close()

    async def _open(self) -> None:
        await self.admission.open()
        await self.slots.source.open()
        await self._presence.open()

    async def _wind_down(self, loops: list[asyncio.Future[Any]]) -> None:
        slots = self.slots
        if self._worker.forceClosing or not self._worker.closing:
            await slots.kill()
        else:
            killed = asyncio.ensure_future(self._force.wait())
            stopped = asyncio.ensure_future(slots.stop())
            unheard = asyncio.ensure_future(silence(self._worker, self._store))
            ends = [killed, stopped, unheard]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done():
                await slots.kill()
            killed.cancel()
            unheard.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if self._idle_check is not None:
            await asyncio.wait([self._idle_check], timeout=_LAST_LOOK_SECONDS)
            loops = [*loops, self._idle_check]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    def on_idle(self) -> None:
        """No slot is busy any more: tell the listeners once the queue is drained."""
        self._idle_again = True
        if self._idle_check is None or self._idle_check.done():
            self._idle_check = background(self._check_drained())

    async def _check_drained(self) -> None:
        while self._idle_again:
            self._idle_again = self._busy_meanwhile = self.slots.took_waiting = False
            try:
                await self._look()
            except ConnectionClosedError:
                return
            except JetbullError as error:
                queue = self._worker.name
                log.debug("whether %s is drained has to be asked again: %s", queue, error)
                await self._store.wire.connected()
                await asyncio.sleep(_AGAIN_SECONDS)
                self._idle_again = True

    async def _look(self) -> None:
        if await is_drained(self._store, self._is_busy, self.slots.source.feeds.deep):
            if self.slots.took_waiting:
                return  # it was not drained before that job, whose end has a look of its own
            self._worker.drained = True
            self._store.emit("drained")
            self._worker.emit_safely("drained")
        elif self._busy_meanwhile:
            # Maybe with the ticket of a job that is done: then nothing finishes any more.
            if self.slots.busy:
                self.slots.look_when_idle()
            else:
                self._idle_again = True

    def _is_busy(self) -> bool:
        self._busy_meanwhile = self._busy_meanwhile or self.slots.busy > 0
        return self._busy_meanwhile


__all__ = ["Serving"]
