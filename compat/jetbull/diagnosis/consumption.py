"""What hands jobs out, who takes them, and which settings hold them up."""

from __future__ import annotations

from collections.abc import AsyncIterator

from jetbull.diagnosis.finding import Finding
from jetbull.errors import StreamMissing
from jetbull.health.copies import has_leader
from jetbull.ledger.queue.consumers import line_consumer, repair_consumer
from jetbull.ledger.queue.counting import levels
from jetbull.ledger.queue.presence import workers
from jetbull.ledger.queue.tally import count_all
from jetbull.ledger.store.store import QueueStore
from jetbull.queue import Queue

__all__ = ["look_at_consumers", "look_at_settings", "look_at_workers"]


async def look_at_consumers(store: QueueStore) -> AsyncIterator[Finding]:
    """Each consumer of the queue: whether it can hand out what waits."""
    lines = [line_consumer(store.names, level) for level in (0, *await levels(store))]
    for name, _ in (*lines, repair_consumer(store.names)):
        try:
            info = await store.wire.api(f"CONSUMER.INFO.{store.names.space.jobs}.{name}")
        except StreamMissing:
            sentence = f"{name} is not there yet; the first worker makes it."
            yield Finding("consumer", "hint", sentence)
            continue
        config = info["config"]
        if not has_leader(info):
            sentence = f"{name} has no leader and hands nothing out: see to the cluster's servers."
            yield Finding("consumer", "wrong", sentence)
        elif int(config.get("max_deliver", -1)) != -1:
            sentence = f"{name} gives up after {config['max_deliver']} deliveries: set -1."
            yield Finding("consumer", "wrong", sentence)
        elif info.get("paused"):
            yield Finding("consumer", "wrong", f"{name} is paused on the server: resume it.")
        else:
            pending, asked = info["num_pending"], info["num_waiting"]
            sentence = f"{name}: {pending} wait, {asked} requests of workers stand."
            yield Finding("consumer", "ok", sentence)


async def look_at_workers(store: QueueStore) -> Finding:
    """Whether workers are there and take jobs."""
    found = [one for one in await workers(store) if "concurrency" in one]
    idle = [one for one in found if one.get("consuming") is False]
    if idle:
        names = ", ".join(str(one.get("workerName") or one.get("id")) for one in idle)
        return Finding("workers", "wrong", f"Connected but not consuming: {names}; restart them.")
    if running := [one for one in found if one.get("consuming", True)]:
        return Finding("workers", "ok", f"{len(running)} workers are there and consume.")
    if found:  # they have no word for it
        sentence = f"{len(found)} workers are there that are driven by hand or not run yet."
        return Finding("workers", "hint", sentence)
    waiting = (await count_all(store))["waiting"]
    if waiting:
        return Finding("workers", "wrong", f"{waiting} jobs wait and no worker is there.")
    return Finding("workers", "hint", "No worker is there.")


async def look_at_settings(queue: Queue) -> Finding:
    """What keeps jobs from being started although workers are there."""
    said = ["it is paused: `queue.resume()` lets jobs start"] if await queue.isPaused() else []
    if (most := await queue.getGlobalConcurrency()) is not None:
        running = await queue.getActiveCount()
        said.append(f"at most {most} jobs run at once over all workers ({running} do)")
    if (rate := await queue.getGlobalRateLimit()) is not None:
        said.append(f"at most {rate['max']} jobs start in {rate['duration']} ms")
    if (left := await queue.getRateLimitTtl()) > 0:
        said.append(f"a rate window ends in {left} ms")
    if not said:
        return Finding("settings", "ok", "The queue is not paused and has no limit.")
    return Finding("settings", "hint", f"Jobs may have to wait: {'; '.join(said)}.")
