"""JetStream as the target: the protocol's verbs as steps of jetbull's ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bull2jet.errors import TargetError
from bull2jet.model import (
    Deduplication,
    Family,
    Job,
    QueueRef,
    Scheduler,
    Settings,
    State,
)
from bull2jet.source.address import redacted
from bull2jet.target import checkpoints, clearing, holding, limits, listing, schedulers
from bull2jet.target.families import (
    Dated,
    read_families,
    read_logs,
    remove_logs,
    write_beside,
)
from bull2jet.target.protocol import Target, TargetQueue
from bull2jet.target.records import (
    UNREADABLE,
    is_carried,
    job_of,
    place_of,
    record_of,
    refusal,
    unreadable,
)
from bull2jet.target.rules import rule_refusal
from bull2jet.target.timers import mistimed
from bull2jet.target.traces import Traces, announce, read_traces
from jetbull.connection import target_of
from jetbull.errors import ConfigurationError, ServerUnavailable
from jetbull.ledger import hub
from jetbull.ledger.adding.adding import NewJob, add_many
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job.reading import find, find_now, find_or_ask
from jetbull.ledger.messages.clock import now_ms
from jetbull.ledger.messages.names import CHILDREN, state_of
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import parentage, parents
from jetbull.ledger.queue.tally import count_all
from jetbull.ledger.store.store import QueueStore

_AT_ONCE = 50


async def open_target(url: str) -> Target:
    """Connects to NATS, with the login that the URL or the environment holds as for any jetbull.

    `TargetError` with jetbull's sentence when that fails.
    """
    try:
        return JetStreamTarget(await hub.acquire(target_of(url)))
    except (ServerUnavailable, ConfigurationError) as error:
        raise TargetError(str(error).replace(url, redacted(url))) from error


class JetStreamTarget:
    """A NATS server with JetStream."""

    def __init__(self, hold: hub.Hold) -> None:
        self._hold = hold
        self.limit = hold.wire.max_payload

    async def queue(self, queue: QueueRef) -> TargetQueue:
        return JetStreamQueue(queue, await self._hold.queue(queue.prefix, queue.name))

    async def checkpoints(self) -> dict[QueueRef, Mapping[str, Any]]:
        return await checkpoints.read_checkpoints(self._hold.wire)

    async def room(self) -> int | None:
        info = await self._hold.wire.api("INFO")
        most = int(info["limits"]["max_storage"])
        return most - int(info["storage"]) if most > 0 else None

    async def close(self) -> None:
        await self._hold.release()


class JetStreamQueue:
    """One queue of jetbull's ledger."""

    def __init__(self, queue: QueueRef, store: QueueStore) -> None:
        self._queue = queue
        self._store = store

    # --- jobs --------------------------------------------------------------------------

    def refusal(self, job: Job) -> str | None:
        return refusal(job, self._queue, self._store.wire.max_payload)

    def refused_rule(self, rule: Scheduler | Deduplication) -> str | None:
        return rule_refusal(rule, self._queue, self._store.wire.max_payload)

    async def add(self, jobs: Sequence[Job]) -> list[bool]:
        new = []
        for job in jobs:
            record = record_of(job, self._queue)
            await blobs.externalize(self._store, job.id, record)
            new.append(NewJob(job.id, record, place_of(job), generated=False))
        await self._add_beside([job for job in jobs if job.logs or job.family])
        return await add_many(self._store, new)

    async def _add_beside(self, jobs: Sequence[Job]) -> None:
        """Logs and children of jobs that do not exist yet.

        They come before the job itself, so that whoever finds the job finds it whole, after any
        kill; rows that a killed run wrote for a job it did not live to store are removed first.
        """
        existing = await find_or_ask(self._store, [job.id for job in jobs])
        fresh = [job for job in jobs if job.id not in existing]
        for job_id in await read_logs(self._store, [job.id for job in fresh]):
            await remove_logs(self._store, job_id)
        await write_beside(self._store, fresh)

    async def replace(self, jobs: Sequence[Job]) -> list[bool]:
        await self.remove([job.id for job in jobs])
        return await self.add(jobs)

    async def read(self, job_ids: Sequence[str]) -> dict[str, Job]:
        store = self._store
        found = await find_now(store, job_ids)
        present = list(found)
        logs, families, late = await asyncio.gather(
            read_logs(store, present), read_families(store, present), mistimed(store, found)
        )
        jobs = {}
        for job_id, stored in found.items():
            rows, family = logs.get(job_id, ((), 0)), families.get(job_id, (Family(), 0))
            jobs[job_id] = await self._copy(job_id, stored, rows, family, job_id in late)
        return jobs

    async def _copy(
        self,
        job_id: str,
        stored: Stored,
        rows: Dated[tuple[str, ...]] | Exception,
        family: Dated[Family] | Exception,
        is_mistimed: bool,
    ) -> Job:
        """The job with what stands beside it, which may be why that cannot be read."""
        try:
            if isinstance(rows, Exception):
                raise rows
            if isinstance(family, Exception):
                raise family
            (logs, logged), (relatives, told) = rows, family
            whole = await blobs.inline(self._store, job_id, stored.record)
            job = job_of(job_id, stored._replace(record=whole))
            return replace(
                job, logs=logs, logged=logged, family=relatives, mistimed=is_mistimed,
                stored=max(stored.seq, told),
            )  # fmt: skip
        except UNREADABLE as error:
            return unreadable(job_id, stored, error)

    async def carried_by_us(self, job_ids: Sequence[str]) -> set[str]:
        found = await find_now(self._store, job_ids)
        return {job_id for job_id, stored in found.items() if is_carried(stored.record)}

    def listing(self, state: State) -> AsyncIterator[list[str]]:
        return listing.pages_of(self._store, state)

    async def announce(self, paused: bool) -> int:
        return await announce(self._store, paused)

    async def traces(self, since: int) -> Traces:
        return await read_traces(self._store, since)

    async def counts(self) -> dict[State, int]:
        counted = await count_all(self._store)
        return {State(name): number for name, number in counted.items() if number}

    async def remove(self, job_ids: Sequence[str]) -> None:
        for start in range(0, len(job_ids), _AT_ONCE):
            part = job_ids[start : start + _AT_ONCE]
            await asyncio.gather(*(clearing.remove(self._store, job_id) for job_id in part))

    async def tell_parents(self, jobs: Sequence[Job]) -> None:
        found = await find_or_ask(self._store, [job.id for job in jobs])
        for job in jobs:
            stored = found.get(job.id)
            if stored is None or not await self._is_awaited(stored, job.id):
                continue
            if job.state is State.COMPLETED:
                await parents.tell_completed(self._store, stored, job.id)
            else:
                await parents.tell_failed(self._store, stored, job.id)

    async def _is_awaited(self, child: Stored, child_id: str) -> bool:
        """Whether the child's parent stands on the target and still waits for it."""
        parent = await parentage.parent_of(self._store, child.record, child_id)
        if parent is None:
            return False
        found = await find(parent.store, parent.job_id)
        return found is not None and state_of(found.subject) == CHILDREN

    async def position(self) -> int:
        info = await self._store.wire.api(f"STREAM.INFO.{self._store.names.space.jobs}")
        return int(info["state"]["last_seq"])

    async def log_position(self) -> int:
        info = await self._store.wire.api(f"STREAM.INFO.{self._store.names.space.logs}")
        return int(info["state"]["last_seq"])

    async def clear(self, position: int) -> None:
        await self._store.purge(self._store.names.all_jobs(), seq=position + 1)

    async def clear_rest(self) -> None:
        await clearing.clear_beside(self._store)

    # --- the queue as a whole ----------------------------------------------------------

    def now(self) -> int:
        return now_ms()

    async def set_paused(self, paused: bool) -> None:
        await limits.set_paused(self._store, paused)

    async def settings(self) -> Settings:
        return await limits.read_settings(self._store)

    async def put_settings(self, settings: Settings) -> None:
        await limits.put_settings(self._store, settings)

    async def put_scheduler(self, scheduler: Scheduler) -> None:
        await schedulers.put_scheduler(self._store, scheduler)

    async def remove_scheduler(self, scheduler_id: str) -> None:
        await self._store.purge(self._store.names.aux("sched", scheduler_id))

    async def schedulers(self) -> list[Scheduler]:
        return await schedulers.read_schedulers(self._store)

    async def put_deduplications(
        self, entries: Sequence[Deduplication], *, late: bool = False
    ) -> None:
        await holding.put_deduplications(self._store, self._queue, entries, late=late)

    async def deduplications(self) -> list[Deduplication]:
        pages = listing.names_below(self._store, self._store.names.all_aux("dedup"))
        return await holding.read_deduplications(
            self._store, [dedup_id async for page in pages for dedup_id in page]
        )

    # --- checkpoint --------------------------------------------------------------------

    async def checkpoint(self) -> Mapping[str, Any] | None:
        return await checkpoints.read_checkpoint(self._store)

    async def save_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        await checkpoints.save_checkpoint(self._store, checkpoint)

    async def keep_room(self) -> None:
        await checkpoints.keep_room(self._store)

    async def free_room(self) -> None:
        await checkpoints.free_room(self._store)


__all__ = ["JetStreamQueue", "JetStreamTarget", "open_target"]
