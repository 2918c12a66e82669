"""New ids for jobs whose generated ids the target has generated too.

New programs may add jobs there before the run, and old ones go on counting in Redis after it. Such
a job gets its new id in Redis, so that both sides, and whoever compares them, know it by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import Job
from bull2jet.source.door import Command, Door
from bull2jet.source.handover import Handover
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import Holder


async def renumber(
    door: Door, handover: Handover, holder: Holder, jobs: Sequence[Job], findings: Findings
) -> dict[str, Job]:
    """The jobs of a collection under their new ids, by the old ones.

    Left out are those whose id is their caller's choice or stands in other keys as well.
    """
    keys = handover.keys
    renamed: dict[str, Job] = {}
    for job in jobs:
        if not _may_change(job, holder):
            continue
        anew = replace(job, id=f"{job.id}-{job.timestamp}")
        taken, rank = await door.calls(
            [("EXISTS", keys.job(anew.id)), ("ZSCORE", keys("priority"), job.id)]
        )
        if taken:
            continue
        commands = _rename(keys, holder, job, anew.id)
        if isinstance(rank, float):
            commands += _swap(keys("priority"), rank, job.id, anew.id)
        await handover.together(commands)
        renamed[job.id] = anew
        text = f"new programs have a job with its generated id, so it is {anew.id!r} from now on."
        findings.add(Finding(Severity.CHANGED, "id-changed", text, keys.queue.key, job.id))
    return renamed


def _may_change(job: Job, holder: Holder) -> bool:
    chosen = not job.id.isdecimal() or "jobId" in job.opts
    named = job.parent or job.family or job.deduplicationId
    return not (chosen or named or holder.suffix == "active")


def _rename(keys: QueueKeys, holder: Holder, job: Job, anew: str) -> list[Command]:
    commands: list[Command] = [("RENAME", keys.job(job.id), keys.job(anew))]
    if job.logs:
        commands.append(("RENAME", keys.of_job(job.id, "logs"), keys.of_job(anew, "logs")))
    line = keys(holder.suffix)
    if holder.is_list:
        return [*commands, ("LINSERT", line, "BEFORE", job.id, anew), ("LREM", line, 1, job.id)]
    if holder.is_set:
        return [*commands, ("SADD", line, anew), ("SREM", line, job.id)]
    return [*commands, *_swap(line, job.score or 0.0, job.id, anew)]


def _swap(key: str, score: float, old: str, new: str) -> list[Command]:
    return [("ZADD", key, repr(score), new), ("ZREM", key, old)]


__all__ = ["renumber"]
