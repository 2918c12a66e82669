"""Waiting for the jobs that old workers hold, after the queue was frozen."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Severity
from bull2jet.model import QueueRef
from bull2jet.options import ActivePolicy
from bull2jet.progress import Progress
from bull2jet.report.formats import counted
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door, text
from bull2jet.source.generation import Library
from bull2jet.source.keys import QueueKeys

_LOOK_SECONDS = 0.5
#: up to BullMQ 4 a worker moves a job to `active` a moment before it locks it
_GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Active:
    """Active jobs at one moment."""

    held: frozenset[str]
    free: frozenset[str]


async def look(door: Door, queue: QueueRef) -> Active:
    """Which active jobs a worker holds by lock, and which not."""
    keys = QueueKeys(queue)
    answer = (await door.calls([("LRANGE", keys("active"), 0, -1)]))[0]
    ids = [] if isinstance(answer, Exception) else [text(job_id) for job_id in answer]
    locks = await door.calls([("EXISTS", keys.of_job(job_id, "lock")) for job_id in ids])
    held = frozenset(job_id for job_id, lock in zip(ids, locks, strict=True) if lock == 1)
    return Active(held, frozenset(ids) - held)


async def refuse_active(door: Door, queue: QueueRef) -> None:
    """`NotGoError` if any job is active, held or not."""
    now = await look(door, queue)
    if now.held or now.free:
        raise NotGoError(
            f"The queue {queue.key} has {counted(len(now.held | now.free), 'active job')} and "
            "--active refuse was given; wait until they are done or use --active wait."
        )


async def settle_active(
    door: Door, found: QueueFound, policy: ActivePolicy, patience: float, progress: Progress
) -> None:
    """Returns when every active job that may be taken over has lost its lock for good.

    Jobs that are still held after `patience` seconds stay behind.
    """
    queue = found.queue
    now = await look(door, queue)
    if policy is not ActivePolicy.TAKE_OVER and now.held:
        progress.say(
            f"waiting for {counted(len(now.held), 'active job')} of {queue.key}, "
            f"at most {patience:.0f} s"
        )
        with anyio.move_on_after(patience):
            while now.held:
                await anyio.sleep(_LOOK_SECONDS)  # a lock that runs out tells nobody
                now = await look(door, queue)
    locks_at_once = found.generation.library is Library.BULLMQ and found.generation.lowest >= 5
    if now.free and not locks_at_once:
        await anyio.sleep(_GRACE_SECONDS)


def still_active(queue: QueueRef, job_id: str) -> Finding:
    """What is said of a job that a worker holds."""
    text = "not carried: a worker still holds its lock; run again later."
    return Finding(Severity.LEFT, "still-active", text, queue.key, job_id)


__all__ = ["Active", "look", "refuse_active", "settle_active", "still_active"]
