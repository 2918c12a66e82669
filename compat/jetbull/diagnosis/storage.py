"""Streams as they should be, how safe what they hold is, and room for more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from jetbull.diagnosis.finding import Finding
from jetbull.errors import StreamMissing
from jetbull.health.copies import look_at_copies
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import streams

__all__ = ["look_at_account", "look_at_streams"]

_FULL = 0.9
#: Settings of a stream that may not be changed, and why.
_REASONS = {
    "retention": "tickets must go when they are acknowledged",
    "max_msgs_per_subject": "a job is one message per state",
    "max_age": "a limit would drop live jobs",
    "allow_atomic": "flows and bulk adds are atomic batches",
    "allow_msg_schedules": "delays and locks are schedules",
    "allow_msg_ttl": "tombstones and keys have a time to live",
    "allow_rollup_hdrs": "schedules replace their predecessor",
    "allow_msg_counter": "ids are counted",
    "allow_direct": "jobs are read directly",
    "subjects": "they hold what jetbull stores",
}
_LIMITS = ("max_msgs", "max_bytes", "max_msg_size")


async def look_at_streams(store: QueueStore) -> AsyncIterator[Finding]:
    """Each stream: whether it is there, whole, as jetbull made it, and kept safely."""
    for wanted in streams.configurations(store.names.space, store.names.space.replicas):
        name = wanted["name"]
        try:
            info = await store.wire.api(f"STREAM.INFO.{name}")
        except StreamMissing:
            yield Finding("stream", "wrong", f"{name} is missing: open a queue to make it anew.")
            continue
        config = info["config"]
        for grade, sentence in look_at_copies(name, info):
            yield Finding("copies", grade, sentence)
        wrong = list(_tampered(wanted, config))
        for sentence in wrong:
            yield Finding("stream", "wrong", f"{name} {sentence}")
        if not wrong:
            yield Finding("stream", "ok", f"{name} is as jetbull made it.")
        if wanted["name"] == store.names.space.jobs:
            yield _durability(config, int(wanted["num_replicas"]))


def _tampered(wanted: dict[str, Any], config: dict[str, Any]) -> list[str]:
    wrong = [
        f"has {key} {config.get(key)!r} instead of {wanted[key]!r}: {reason}."
        for key, reason in _REASONS.items()
        if key in wanted and config.get(key, type(wanted[key])()) != wanted[key]
    ]
    wrong += [
        f"has the limit {key} {config[key]}: it would drop live jobs or refuse new ones; set -1."
        for key in _LIMITS
        if config.get(key, -1) not in (-1, 0)
    ]
    if config.get("sealed"):
        wrong.append("is sealed: nothing can be stored any more; delete it and open a queue.")
    return wrong


def _durability(config: dict[str, Any], wanted: int) -> Finding:
    replicas = int(config["num_replicas"])
    if config.get("storage") != "file":
        return Finding("durability", "wrong", "Jobs are kept in memory: a restart loses them all.")
    if replicas != wanted:
        return Finding(
            "durability",
            "wrong",
            f"{config['name']} has {replicas} replicas, and JETBULL_REPLICAS (connection.replicas) "
            f"is {wanted}: it counts when streams are made. Edit the five streams, or the setting.",
        )
    if replicas > 1:
        return Finding("durability", "ok", f"Jobs are kept by {replicas} servers.")
    return Finding(
        "durability",
        "hint",
        "Jobs are kept by one server. What it acknowledged survives kill -9 but, for up to two "
        "minutes, not a power failure, unless it runs with `sync_interval: always`; for more, run "
        "three servers and set JETBULL_REPLICAS=3.",
    )


async def look_at_account(store: QueueStore) -> Finding:
    """How much the account may still store."""
    info = await store.wire.api("INFO")
    used, limit = int(info["storage"]), int(info["limits"]["max_storage"])
    if limit > 0 and used > limit * _FULL:
        return Finding(
            "storage",
            "wrong",
            f"{used} of {limit} bytes of the account are used: adds will be refused soon. "
            "Raise the limit or clean finished jobs.",
        )
    return Finding("storage", "ok", f"{used} bytes are used.")
