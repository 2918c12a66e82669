"""The ticket that a job's lock would become, and what its job does then."""

from __future__ import annotations

import asyncio

from jetbull import Job
from jetbull.ledger.job import reading
from jetbull.ledger.job.moving import move, transition
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import STALLED
from jetbull.ledger.messages.placing import active
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore


async def held(store: QueueStore, job_id: str) -> tuple[Stored, Message]:
    """The job as a worker holds it, and the ticket its lock would become."""
    found = await reading.find(store, job_id)
    assert found is not None
    lease = await move(store, job_id, found, found.record, active(now_ms() + 60_000))
    message = transition(store.names, job_id, found, found.record, active(1))
    return lease, Message(store.names.job(STALLED, job_id), message.payload, {})


async def settled(store: QueueStore, *states: str) -> None:
    """Returns when no ticket of these states is left."""
    async with asyncio.timeout(30):
        for state in states:
            while await store.wire.get_last(store.names.space.jobs, store.names.all_in(state)):
                await asyncio.sleep(0.02)


async def completed(job: Job) -> None:
    """Returns when the job is done."""
    async with asyncio.timeout(30):
        while not await job.isCompleted():
            await asyncio.sleep(0.02)


class Counting:
    """A processor that counts its runs."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    async def __call__(self, job: Job, token: str) -> str:
        self.runs.append(str(job.id))
        return "ran"
