"""The five streams of a prefix, and how they come to be.

    JB_<P>    jobs, settings, dependencies: work-queue, one message per subject, schedules, batches
    JBE_<P>   events: about 10,000 messages per queue, each of one or more events
    JBC_<P>   counters: job ids, metrics
    JBL_<P>   log rows
    JBO_<P>   payloads too large for a message

No limit of any kind stands on the jobs stream: it could only be kept by dropping live jobs.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

from jetbull.errors import ServerTooOld, ServerUnavailable, StoreError, StreamMissing
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams import listing
from jetbull.ledger.wire import NO_LEADER, Wire

EVENT_HISTORY = 10_000
_UNKNOWN_FIELD = 10025
_NAME_IN_USE = 10058  # somebody else is making the same stream
_MANY_CONSUMERS = 10026  # more than the account may have
#: Another stream holds our subjects; what the account forbids: so many streams, and without bounds.
_FINAL = frozenset({10065, 10027, 10113})
_TRIES = 40
_PATIENCE = 25.0
_PAUSE_SECONDS = 0.25
_RIVAL_SECONDS = 0.05
_WINDOW_NS = 1_000_000_000
_CONSUMERS = 100_000  # a few per queue and one per priority in use; the server's default is 1,000


def configurations(space: Space, replicas: int) -> list[dict[str, Any]]:
    """What the server is told of each of them."""
    p = space.token
    common = {"storage": "file", "num_replicas": replicas, "allow_direct": True, "max_age": 0}
    return [
        {
            **common,
            "name": space.jobs,
            "subjects": [f"jb.{p}.>", f"jbq.{p}.>", f"jbd.{p}.>"],
            "retention": "workqueue",
            "max_msgs_per_subject": 1,
            # Ids of messages are for what is sent right behind them, and the server keeps each.
            "duplicate_window": _WINDOW_NS,
            "allow_atomic": True,
            "allow_msg_schedules": True,
            "allow_msg_ttl": True,
            "allow_rollup_hdrs": True,
            "max_consumers": _CONSUMERS,
        },
        {
            **common,
            "name": space.events,
            "subjects": [f"jbe.{p}.*"],
            "max_msgs_per_subject": EVENT_HISTORY,
            "max_consumers": _CONSUMERS,
        },
        {
            **common,
            "name": space.counters,
            "subjects": [f"jbc.{p}.>"],
            "max_msgs_per_subject": 1,
            "allow_msg_counter": True,
        },
        {**common, "name": space.logs, "subjects": [f"jbl.{p}.>"]},
        {**common, "name": space.objects, "subjects": [f"jbo.{p}.>"]},
    ]


async def ensure_streams(wire: Wire, space: Space) -> None:
    """Creates what is missing; an existing stream keeps what its owner configured."""
    configs = configurations(space, space.replicas)
    await asyncio.gather(*(_ensure(wire, config) for config in configs))


async def _ensure(wire: Wire, config: dict[str, Any]) -> None:
    deadline = monotonic() + _PATIENCE  # a question to servers without a leader takes as long
    for left in reversed(range(_TRIES)):
        try:
            await _take_up(wire, config)
            return
        except StreamMissing as missing:
            if missing.code == 0 and not left:
                raise ServerUnavailable(
                    f"JetStream does not answer at {wire.url}: enable it (`nats-server -js`)."
                ) from missing
        except StoreError as busy:
            if not left or monotonic() > deadline:
                hint = "; start the cluster's other servers" if busy.code == NO_LEADER else ""
                raise ServerUnavailable(
                    f"JetStream at {wire.url} is not ready{hint}: {busy}"
                ) from busy
            await asyncio.sleep(_PAUSE_SECONDS)
            continue
        try:
            await _create(wire, config)
            return
        except StoreError as error:
            if error.code in _FINAL or not left or monotonic() > deadline:
                raise
            pause = _RIVAL_SECONDS if error.code == _NAME_IN_USE else _PAUSE_SECONDS
            await asyncio.sleep(pause)


async def _take_up(wire: Wire, config: dict[str, Any]) -> None:
    """Gives a stream that is there the subjects it lacks: an older jetbull made it."""
    name = config["name"]
    found = (await wire.api(f"STREAM.INFO.{name}"))["config"]
    missing = set(config["subjects"]) - set(found.get("subjects") or ())
    if missing:
        found["subjects"] = [*found["subjects"], *sorted(missing)]
        await wire.api(f"STREAM.UPDATE.{name}", found)


async def _create(wire: Wire, config: dict[str, Any]) -> None:
    try:
        await wire.api(f"STREAM.CREATE.{config['name']}", config)
    except StoreError as error:
        if error.code == _MANY_CONSUMERS and config.get("max_consumers"):
            # The account's own bound holds then, without a word about it.
            return await _create(wire, {**config, "max_consumers": 0})
        if error.code != _UNKNOWN_FIELD:
            raise
        raise ServerTooOld(
            f"The NATS server at {wire.url} does not know a stream setting jetbull needs "
            f"({error}); use nats-server 2.14 or newer."
        ) from error


async def all_prefix_streams(wire: Wire) -> list[str]:
    """Names of all streams on the server that jetbull made."""
    names = await listing.names(wire, "STREAM.NAMES", "streams")
    return [n for n in names if n.startswith(("JB_", "JBE_", "JBC_", "JBL_", "JBO_"))]


__all__ = ["EVENT_HISTORY", "all_prefix_streams", "configurations", "ensure_streams"]
