"""Reading a whole Redis database the way bull2jet does, for tests to compare."""

from __future__ import annotations

import time
from dataclasses import replace

from bull2jet.canonical import canonical, given_part, life_part
from bull2jet.findings import Finding
from bull2jet.model import Job, Scheduler, State
from bull2jet.source.discovery import Discovery, QueueFound, discover
from bull2jet.source.door import Door
from bull2jet.source.generation import Library
from bull2jet.source.jobs import JobLoader
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import pages, usable
from bull2jet.source.schedulers import read_schedulers
from bull2jet.transfer.mapping import arrived

Jobs = dict[State, list[Job]]


async def read(door: Door, found: QueueFound) -> tuple[Jobs, list[Finding]]:
    """All jobs of a queue by state, in order, and what was wrong with others."""
    loader = JobLoader(door, found.queue, found.generation)
    jobs: Jobs = {}
    findings: list[Finding] = []
    for holder in usable(found.types):
        async for listings in pages(door, QueueKeys(found.queue), holder):
            async for loaded in loader.load(holder, listings):
                jobs.setdefault(holder.state, []).extend(loaded.jobs)
                findings += loaded.findings
    return jobs, findings


def the(discovery: Discovery, name: str) -> QueueFound:
    """The queue of that name."""
    (found,) = [found for found in discovery.queues if found.queue.name == name]
    return found


Snapshot = dict[str, dict[State, list[bytes]]]


async def snapshot(door: Door) -> Snapshot:
    """Queue -> state -> content of all jobs, in order, as far as time does not change them.

    A job to be taken over counts as waiting, and so does a delayed one whose time has come: dumps
    hold a few of those, the more the older they get.
    """
    result: Snapshot = {}
    for found in (await discover(door)).queues:
        jobs, _ = await read(door, found)
        taken = [job for job in jobs.pop(State.ACTIVE, []) if not job.locked]
        old = found.generation.library is Library.BULLMQ and found.generation.highest <= 4
        again = [
            replace(
                job,
                state=State.WAITING,
                stalledCounter=job.stalledCounter + 1,
                # BullMQ 1 to 4 store one number, and count a try when it begins.
                attemptsMade=job.attemptsStarted if old else job.attemptsMade,
            )
            for job in taken
        ]
        jobs[State.WAITING] = again + jobs.get(State.WAITING, [])
        _let_overdue_wait(jobs)
        result[found.queue.key] = {
            state: [canonical([given_part(job), life_part(job)]) for job in rows]
            for state, rows in jobs.items()
            if rows
        }
    return result


def _let_overdue_wait(jobs: Jobs) -> None:
    now = int(time.time() * 1000)
    delayed = jobs.pop(State.DELAYED, [])
    for job in delayed:
        state = arrived(job, now).state
        jobs.setdefault(state, []).append(replace(job, state=state))


async def schedulers(door: Door) -> dict[str, list[Scheduler]]:
    """Queue -> schedulers."""
    return {
        found.queue.key: (await read_schedulers(door, found.queue)).schedulers
        for found in (await discover(door)).queues
    }
