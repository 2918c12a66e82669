"""Where a child and its parent in Redis stand with each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bull2jet.model import FINISHED, Job, QueueRef
from bull2jet.source.door import Command, Door


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


async def awaiting_parent(door: Door, jobs: Sequence[Job], queues: Collection[str]) -> set[str]:
    """Ids of those jobs whose parent, in one of these queues, has not been taken over yet.

    A child that ran before its parent has arrived would not be counted.
    """
    children = [job for job in jobs if job.parent and job.parent["queueKey"] in queues]
    commands: list[Command] = []
    for job in children:
        parent = job.parent or {}
        commands.append(("ZSCORE", f"{parent['queueKey']}:waiting-children", str(parent["id"])))
    scores = await door.calls(commands)
    return {
        job.id
        for job, score in zip(children, scores, strict=True)
        if score is not None and not isinstance(score, Exception)
    }


def _parent_key(job: Job) -> str:
    parent = job.parent or {}
    return job.parentKey or f"{parent['queueKey']}:{parent['id']}"


__all__ = ["awaiting_parent", "booked"]
