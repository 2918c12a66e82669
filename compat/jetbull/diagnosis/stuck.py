"""Jobs that do not move although they should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from jetbull.diagnosis.finding import Finding
from jetbull.ledger.job import reading
from jetbull.ledger.messages import clock
from jetbull.ledger.messages.guard import due_of
from jetbull.ledger.messages.names import ACTIVE, DELAYED, PRIO, WAIT, last_token
from jetbull.ledger.queue.presence import workers
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

__all__ = ["look_for_stuck_jobs"]

_OVERDUE_MS = 15_000
_STUCK_MS = 30_000
_SAMPLE = 200


async def look_for_stuck_jobs(store: QueueStore) -> AsyncIterator[Finding]:
    """Schedules that did not fire, tickets that nobody takes, and messages that are no jobs."""
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
    if not old:
        return []
    await asyncio.sleep(1)  # those that are being taken just now are not stuck
    current = await reading.find_many(store, {last_token(m.subject) for m in old})
    seqs = {stored.seq for stored in current.values()}
    return [last_token(m.subject) for m in old if m.seq in seqs]


async def _oldest(store: QueueStore, state: str) -> list[StoredMessage]:
    query = {"next_by_subj": store.names.all_in(state), "seq": 1, "batch": _SAMPLE}
    return await store.wire.get_batch(store.names.space.jobs, query)
