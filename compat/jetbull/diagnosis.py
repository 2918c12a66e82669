"""What is wrong with a queue, its server and its workers: the findings of `jetbull doctor`.

Nothing is changed, apart from one message of its own that is stored and taken to prove that jobs
pass. Every finding is one sentence that says what was seen and, where it is not right, what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jetbull.errors import JetbullError, StreamMissing
from jetbull.health import check_readiness
from jetbull.health.copies import has_leader, look_at_copies
from jetbull.ledger.job import reading
from jetbull.ledger.messages import clock, record
from jetbull.ledger.messages.guard import due_of
from jetbull.ledger.messages.names import ACTIVE, DELAYED, PRIO, WAIT, last_token
from jetbull.ledger.queue.consumers import level_consumer, repair_consumer, wait_consumer
from jetbull.ledger.queue.counting import levels
from jetbull.ledger.queue.presence import workers
from jetbull.ledger.queue.tally import count_all
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams import streams
from jetbull.ledger.wire import Stored
from jetbull.queue import Queue

__all__ = ["Finding", "diagnose"]

Grade = Literal["ok", "hint", "wrong"]

_OVERDUE_MS = 15_000
_STUCK_MS = 30_000
_SKEW_MS = 1_000
_SAMPLE = 200
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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `hint`: it works, but should be known."""

    name: str
    grade: Grade
    detail: str


async def diagnose(queue: Queue) -> list[Finding]:
    """All findings, up to the first that makes the others impossible."""
    return [finding async for finding in _all(queue)]


async def _all(queue: Queue) -> AsyncIterator[Finding]:
    yield _code()
    try:
        store = await queue.ledger()
    except JetbullError as error:
        yield Finding("server", "wrong", str(error))
        return
    version, url = store.wire.server_version, store.wire.url
    yield Finding("server", "ok", f"nats-server {version} with JetStream at {url}.")
    yield _clock()
    try:
        async for finding in _streams(store):
            yield finding
        yield await _account(store)
        async for finding in _consumers(store):
            yield finding
        for check in await check_readiness(queue):
            if check.name == "consume" or not check.ok:
                yield Finding("passage", "ok" if check.ok else "wrong", check.detail)
        yield await _workers(store)
        yield await _settings(queue)
        async for finding in _stuck(store):
            yield finding
    except JetbullError as error:
        yield Finding("server", "wrong", str(error))


def _code() -> Finding:
    is_plain = Path(record.__file__).suffix == ".py"
    how = "plain Python; a wheel built beside a C compiler does more" if is_plain else "compiled"
    return Finding("code", "ok", f"What runs for every job is {how}.")


def _clock() -> Finding:
    skew = clock.by_server(0)
    if abs(skew) < _SKEW_MS:
        return Finding("clock", "ok", "This machine's clock agrees with the server's.")
    way = "behind" if skew > 0 else "ahead of"
    return Finding(
        "clock",
        "hint",
        f"This machine's clock is {abs(skew) / 1000:.1f} s {way} the server's; due times follow "
        "the server's. Set the clock right, for logs and for jobs with absolute times.",
    )


async def _streams(store: QueueStore) -> AsyncIterator[Finding]:
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


async def _account(store: QueueStore) -> Finding:
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


async def _consumers(store: QueueStore) -> AsyncIterator[Finding]:
    lanes = [str(level) for level in await levels(store)]
    lines = [wait_consumer(store.names), *(level_consumer(store.names, lane) for lane in lanes)]
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


async def _workers(store: QueueStore) -> Finding:
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


async def _settings(queue: Queue) -> Finding:
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


async def _stuck(store: QueueStore) -> AsyncIterator[Finding]:
    now = clock.now_ms()
    overdue: list[str] = []
    foreign: list[str] = []
    for state in (ACTIVE, DELAYED):
        for message in await _oldest(store, state):
            due = due_of(message.headers)
            if due is None:
                foreign.append(message.subject)
            elif now - due > _OVERDUE_MS:
                overdue.append(last_token(message.subject))
    if foreign:
        yield Finding(
            "jobs",
            "wrong",
            f"{len(foreign)} messages, such as {foreign[0]}, stand where jobs run or wait for "
            "their time, and will never move, for no jetbull stored them: "
            f"`nats stream purge {store.names.space.jobs} --subject …` removes them.",
        )
    if overdue:
        yield Finding(
            "schedules",
            "wrong",
            f"The server has not fired the schedules of {len(overdue)} jobs, such as {overdue[0]}: "
            "restart nats-server; `retry` or `promote` moves them by hand.",
        )
    stuck = await _stuck_tickets(store, now)
    if stuck:
        yield Finding(
            "tickets",
            "wrong",
            f"{len(stuck)} jobs wait although workers are idle, such as {stuck[0]}: "
            "restart the workers, and tell us.",
        )
    if not (overdue or stuck or foreign):
        yield Finding("jobs", "ok", "No job is stuck.")


async def _stuck_tickets(store: QueueStore, now: int) -> list[str]:
    """Jobs that wait for long while somebody could take them."""
    found = [one for one in await workers(store) if one.get("consuming")]
    free = any(one["active"] < one["concurrency"] for one in found)
    settings = await store.wire.get_one(
        store.names.space.jobs, {"last_by_subj": store.names.aux("meta", "queue")}
    )
    if not free or (settings is not None and settings.data not in (b"", b"{}")):
        return []  # busy, paused or limited
    old = [
        message
        for state in (WAIT, PRIO)
        for message in await _oldest(store, state)
        if now - clock.parse_ms(message.time) > _STUCK_MS
    ]
    await asyncio.sleep(1)
    current = await reading.find_many(store, {last_token(m.subject) for m in old})
    seqs = {stored.seq for stored in current.values()}
    return [last_token(m.subject) for m in old if m.seq in seqs]


async def _oldest(store: QueueStore, state: str) -> list[Stored]:
    query = {"next_by_subj": store.names.all_in(state), "seq": 1, "batch": _SAMPLE}
    return await store.wire.get_batch(store.names.space.jobs, query)
