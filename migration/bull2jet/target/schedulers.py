"""Job schedulers on the target."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bull2jet.errors import TargetError
from bull2jet.model import Scheduler
from bull2jet.target.records import UNREADABLE
from jetbull.ledger.adding import schedules
from jetbull.ledger.messages.names import last_token
from jetbull.ledger.messages.record import dumps, to_bytes
from jetbull.ledger.store.paging import read_all
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
    """All schedulers, by next slot. `TargetError` names the first that cannot be read."""
    found: list[Scheduler] = []
    for message in await read_all(store, store.names.all_aux("sched")):
        if not message.data:
            continue  # it was removed a moment ago
        try:
            found.append(_scheduler(last_token(message.subject), json.loads(message.data)))
        except UNREADABLE as error:
            raise TargetError(
                f"The scheduler {last_token(message.subject)!r} on the target cannot be read "
                f"({error}); restore the stream {store.names.space.jobs} from a backup, or purge "
                f"its subject {message.subject} and create the scheduler anew."
            ) from error
    return sorted(found, key=lambda scheduler: (scheduler.next, scheduler.id))


def _scheduler(scheduler_id: str, body: Mapping[str, Any]) -> Scheduler:
    slot = int(body["next"])
    return Scheduler(
        id=scheduler_id,
        name=str(body.get("name", scheduler_id)),
        next=slot,
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
        pendingId=schedules.job_id_of(scheduler_id, slot),
    )


__all__ = ["put_scheduler", "read_schedulers"]
