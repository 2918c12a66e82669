"""What is set for a whole queue on the target: pause, limits, the id counter."""

from __future__ import annotations

from typing import Any

from bull2jet.errors import TargetError
from bull2jet.model import Settings
from jetbull.ledger.limits import gate
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.queue import settings as ledger_settings
from jetbull.ledger.store.store import QueueStore


async def set_paused(store: QueueStore, paused: bool) -> None:
    """Stops or lets go the queue's workers."""

    def edit(settings: dict[str, Any]) -> None:
        if paused:
            settings["paused"] = True
        else:
            settings.pop("paused", None)

    await ledger_settings.change(store, edit)


async def read_settings(store: QueueStore) -> Settings:
    """Limits, the rate window, the paused flag and the id counter.

    `TargetError` when they cannot be read.
    """
    try:
        stored, seq = await ledger_settings.read_strictly(store)
    except ValueError as error:
        raise TargetError(
            f"The settings of the queue on the target cannot be read ({error}); restore the stream "
            f"{store.names.space.jobs} from a backup."
        ) from error
    window = await gate.window(store)
    return Settings(
        paused=bool(stored.get("paused")),
        concurrency=stored.get("concurrency"),
        max=stored.get("max"),
        duration=stored.get("duration"),
        counter=await store.ids.last(),
        limiterTtl=None if window is None else window.end_ms - now_ms(),
        limiterCount=0 if window is None else window.count,
        stored=seq > 0,
    )


async def put_settings(store: QueueStore, settings: Settings) -> None:
    """Takes over limits, the rate window, and the id counter if it is ahead."""
    limits = {
        name: getattr(settings, name)
        for name in ("concurrency", "max", "duration")
        if getattr(settings, name) is not None
    }
    if limits:
        await ledger_settings.change(store, lambda stored: stored.update(limits))
    await _raise_counter(store, settings.counter)
    if settings.limiterTtl is not None:
        await gate.begin_window(store, settings.limiterTtl, settings.limiterCount)


async def _raise_counter(store: QueueStore, wanted: int) -> None:
    """Generated ids go on behind those given in Redis; never backwards.

    Producers on the target may count on meanwhile: then some numbers are skipped.
    """
    value = await store.ids.last()
    if value < wanted:
        headers = {"Nats-Incr": f"+{wanted - value}"}
        subject = store.names.counter("id")
        await (await store.wire.post(subject, b"", headers))


__all__ = ["put_settings", "read_settings", "set_paused"]
