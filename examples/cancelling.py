"""Cancel a job from any process, wherever it is: it waits, or a worker elsewhere runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jetbull import AbortError, AbortSignal, JetbullError, Job, Queue, QueueEvents, Worker

NAME = "example-cancelling"


async def render(job: Job, token: str, signal: AbortSignal) -> None:
    """A processor that takes a third argument can be told to stop."""
    for _ in range(1000):
        signal.throw_if_aborted()  # a good moment to stop
        await asyncio.sleep(0.01)


async def fetch(job: Job, token: str, signal: AbortSignal) -> str:
    """Waits for the work or for the cancellation, whichever comes first."""
    work = asyncio.create_task(asyncio.sleep(30))
    cancelled = asyncio.create_task(signal.wait())
    await asyncio.wait({work, cancelled}, return_when=asyncio.FIRST_COMPLETED)
    for task in (work, cancelled):
        task.cancel()
    if signal.aborted:
        raise AbortError(signal.reason)
    return "fetched"


async def show(worker_name: str, processor: Callable[..., Any]) -> None:
    """Adds a job, cancels it while it runs, and says how it ended."""
    async with (
        Queue(NAME) as queue,
        QueueEvents(NAME) as events,
        Worker(NAME, processor, {"name": worker_name}),
    ):
        active = asyncio.Event()
        events.on("active", lambda args, event_id: active.set())
        job = await queue.add("long", {}, {"attempts": 1})
        await active.wait()
        print("heard:", await queue.cancelJob(job.id, f"no longer needed by {worker_name}"))
        try:
            await job.waitUntilFinished(events, 10_000)
        except JetbullError as error:
            print(f"{await job.getState()}: {error}")


async def main() -> None:
    await show("render", render)
    await show("fetch", fetch)
    async with Queue(NAME) as queue:
        waiting = await queue.add("not begun", {})
        print("removed:", await queue.cancelJob(waiting.id))
        print("state:", await waiting.getState())
        await queue.obliterate()


if __name__ == "__main__":
    asyncio.run(main())
