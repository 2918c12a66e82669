"""The durable consumers of a queue, made when first needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jetbull.errors import StreamMissing
from jetbull.ledger.messages.names import SETTLE, STALLED, STATES, QueueNames
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.streams import ensure_streams

_TICKET_WAIT_S = 5  # a delivered ticket nobody claimed comes back after this
_IDLE_S = 3600.0
_UNUSED_S = 86_400.0  # without a request of any worker


def line_consumer(names: QueueNames, level: int | str = 0) -> tuple[str, list[str]]:
    """Name and filters of the consumer of the jobs that wait at a priority level (0: without)."""
    return names.consumer(f"p{level}" if level else "w"), [names.line(level)]


def repair_consumer(names: QueueNames) -> tuple[str, list[str]]:
    """Expired leases and finished children whose parent was not told."""
    return names.consumer("r"), [names.all_in(STALLED), names.all_in(SETTLE)]


async def ensure_delivery(store: QueueStore, name: str, filters: list[str]) -> str:
    """A pull consumer that hands out tickets; its name.

    The server removes it where no worker has asked for a day: else names of queues would use up how
    many consumers a stream may have, though nobody works on them any more. The next worker makes it
    anew, and what waits is handed out from the first ticket on.
    """
    config: dict[str, Any] = {
        "durable_name": name,
        "ack_policy": "explicit",
        "ack_wait": _TICKET_WAIT_S * 1_000_000_000,
        "max_deliver": -1,
        "max_ack_pending": -1,
        "max_waiting": 8192,
        "deliver_policy": "all",
        "inactive_threshold": int(_UNUSED_S * 1_000_000_000),
    }
    return await _ensure(store, name, config, filters)


async def ensure_counter(store: QueueStore, state: str) -> str:
    """A consumer nobody reads: its `num_pending` is the number of jobs in `state`."""
    names = store.names
    name = names.consumer(f"n{state}")
    config: dict[str, Any] = {
        "durable_name": name,
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "mem_storage": True,  # on as many servers as the stream: the server takes no fewer
        "inactive_threshold": int(_IDLE_S * 1_000_000_000),
    }
    return await _ensure(store, name, config, [names.all_in(state)])


async def ask_the_time(store: QueueStore) -> None:
    """Has the server answer something, which tells its time; see `clock.observe`."""
    name, _ = line_consumer(store.names)
    await store.wire.api(f"CONSUMER.INFO.{store.names.space.jobs}.{name}")


async def remove_unused(store: QueueStore, levels: Iterable[int], is_short: bool) -> None:
    """Removes the queue's consumers, those of these priority levels included, that nobody pulls.

    `is_short`: the stream has few consumers, so that the server lists them in one answer.
    """
    kinds = ["w", "r", *(f"n{state}" for state in STATES), *(f"p{level}" for level in levels)]
    names = [store.names.consumer(kind) for kind in kinds]
    if is_short and not store.wire.is_clustered:
        listed = await store.wire.api(f"CONSUMER.LIST.{store.names.space.jobs}")
        there = {info["name"] for info in listed["consumers"] or ()}
        names = [name for name in names if name in there]
    await store.wire.together(*(_remove_unused(store, name) for name in names))


async def _remove_unused(store: QueueStore, name: str) -> None:
    stream = store.names.space.jobs
    try:
        info = await store.wire.api(f"CONSUMER.INFO.{stream}.{name}")
        if not info["num_waiting"]:
            await store.wire.api(f"CONSUMER.DELETE.{stream}.{name}")
    except StreamMissing:
        return  # it was never made, or is gone


async def _ensure(store: QueueStore, name: str, config: dict[str, Any], filters: list[str]) -> str:
    if len(filters) == 1:
        config["filter_subject"] = filters[0]
    else:
        config["filter_subjects"] = filters
    stream = store.names.space.jobs
    body = {"stream_name": stream, "config": config, "action": ""}
    try:
        await store.wire.api(f"CONSUMER.CREATE.{stream}.{name}", body)
    except StreamMissing:
        await ensure_streams(store.wire, store.names.space)
        await store.wire.api(f"CONSUMER.CREATE.{stream}.{name}", body)
    return name


__all__ = [
    "ask_the_time",
    "ensure_counter",
    "ensure_delivery",
    "line_consumer",
    "remove_unused",
    "repair_consumer",
]
