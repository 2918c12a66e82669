"""Job schedulers on the target."""

from __future__ import annotations

import json
from typing import Any

from bull2jet.model import Scheduler
from jetbull.ledger.adding import schedules
from jetbull.ledger.messages.record import dumps, to_bytes
from jetbull.ledger.store.store import QueueStore


async def put_scheduler(store: QueueStore, scheduler: Scheduler) -> None:
    """Stores a scheduler's record; its pending job is a job like any other."""
    body: dict[str, Any] = {
        "name": scheduler.name,
        "next": scheduler.next,
        "ic": scheduler.iterationCount,
    }
    for name in ("every", "pattern", "tz", "limit", "startDate", "endDate", "offset"):
        if getattr(scheduler, name) is not None:
            body[name] = getattr(scheduler, name)
    if scheduler.data is not None:
        body["data"] = json.loads(scheduler.data)
    if scheduler.opts:
        body["opts"] = dict(scheduler.opts)
    subject = store.names.aux("sched", scheduler.id)
    await store.put(subject, to_bytes(dumps(body)), {})


async def read_schedulers(store: QueueStore) -> list[Scheduler]:
    """All schedulers, by next slot."""
    return [_scheduler(found) for found in await schedules.read_all(store)]


def _scheduler(found: schedules.Scheduler) -> Scheduler:
    body = found.body
    return Scheduler(
        id=found.id,
        name=str(body.get("name", found.id)),
        next=found.next_ms,
        iterationCount=int(body.get("ic", 0)),
        every=body.get("every"),
        pattern=body.get("pattern"),
        tz=body.get("tz"),
        limit=body.get("limit"),
        startDate=body.get("startDate"),
        endDate=body.get("endDate"),
        offset=body.get("offset"),
        data=dumps(body["data"]) if "data" in body else None,
        opts=body.get("opts") or {},
        pendingId=schedules.job_id_of(found.id, found.next_ms),
    )


__all__ = ["put_scheduler", "read_schedulers"]
