"""The bridge: what old producers still add to Redis arrives on the target within milliseconds."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from bull2jet.findings import Findings
from bull2jet.groups import single_errors
from bull2jet.model import QueueRef, State
from bull2jet.progress import Progress
from bull2jet.source.clients import Stragglers
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.lease import held_lease
from bull2jet.target.protocol import Target
from bull2jet.transfer.checkpoint import load
from bull2jet.transfer.news import News
from bull2jet.transfer.queue_wide import mapper_for
from bull2jet.transfer.sweeping import Sweeper

_SOON_SECONDS = 0.01  # the sweeper of the parents' queue is at work


@dataclass(slots=True)
class Bridge:
    """Keeps carrying until the operator stops it."""

    door: Door
    target: Target
    queues: Sequence[QueueFound]
    findings: Findings
    progress: Progress
    carried: dict[QueueRef, dict[State, int]] = field(default_factory=dict)

    async def run(self, seconds: float | None = None) -> None:
        """Serves all queues until SIGINT or SIGTERM comes, or `seconds` are over."""
        with single_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._until_signal, tasks.cancel_scope, seconds)
                for found in self.queues:
                    tasks.start_soon(self._serve, found)

    async def _until_signal(self, scope: anyio.CancelScope, seconds: float | None) -> None:
        with (
            anyio.move_on_after(seconds),
            anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals,
        ):
            async for _ in signals:
                break
        scope.cancel()

    async def _serve(self, found: QueueFound) -> None:
        target = await self.target.queue(found.queue)
        checkpoint = await load(target)
        found = checkpoint.recognised(found)
        mapper = await mapper_for(self.door, found.queue, checkpoint)
        async with held_lease(self.door, found.queue, "run --follow") as lease:
            handover = Handover(self.door, found, lease)
            await handover.freeze()
            sweeper = Sweeper(
                self.door, found, target, handover, mapper, self.findings,
                checkpoint.oldest_finished, frozenset(found.queue.key for found in self.queues),
            )  # fmt: skip
            await sweeper.keep_apart()
            self.carried[found.queue] = sweeper.carried
            news = News(self.door, found)
            stragglers = Stragglers(self.door, found.queue)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(news.listen)
                await news.ready.wait()
                self.progress.say(f"the bridge of {found.queue.key} is up")
                while True:
                    if await sweeper.sweep():
                        for finding in await stragglers.look():
                            self.findings.add(finding)
                            self.progress.say(f"{found.queue.key}: {finding.text}")
                    if sweeper.postponed:
                        await anyio.sleep(_SOON_SECONDS)
                    else:
                        await news.wait()


__all__ = ["Bridge"]
