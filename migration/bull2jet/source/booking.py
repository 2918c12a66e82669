"""Whether the old library has told a parent in Redis that a child of it has finished."""

from __future__ import annotations

from collections.abc import Sequence

from bull2jet.model import FINISHED, Job, QueueRef
from bull2jet.source.door import Door


async def booked(door: Door, queue: QueueRef, jobs: Sequence[Job]) -> list[Job]:
    """Those finished children that their parent in Redis no longer counts as pending.

    A failed child without a failure policy (of its library's version) stays pending for ever: its
    parent waits, in Redis as on the target.
    """
    children = [job for job in jobs if job.parent and job.state in FINISHED]
    answers = await door.calls(
        [
            ("SISMEMBER", f"{_parent_key(job)}:dependencies", f"{queue.key}:{job.id}")
            for job in children
        ]
    )
    return [job for job, pending in zip(children, answers, strict=True) if pending == 0]


def _parent_key(job: Job) -> str:
    parent = job.parent or {}
    return job.parentKey or f"{parent['queueKey']}:{parent['id']}"


__all__ = ["booked"]
