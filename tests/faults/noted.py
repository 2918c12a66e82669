"""For tests of notes: processes that die behind one, and a worker that writes down what ran."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jetbull import Queue, Worker
from jetbull.job import Job
from jetbull.ledger.adding import note_reading, notes
from jetbull.ledger.adding.adding import message_for
from jetbull.ledger.adding.note import Note
from jetbull.ledger.messages.guard import HeaderMap, in_row
from jetbull.ledger.store.store import QueueStore

write_first = notes.write_first


async def note_and_key(*args: Any) -> tuple[Note, Exception | None]:
    """As `notes.write_first`, where something else is stored before the job."""

    def broken(headers: HeaderMap, behind: str, called: str) -> HeaderMap:
        return in_row(headers, behind if called else "another", called)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "in_row", broken)
        return await write_first(*args)


class Halting:
    """Stops an insertion where its process dies: behind the note and so many of its jobs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
        self._write, self._jobs = notes.write, jobs
        monkeypatch.setattr(notes, "write", self.write)
        monkeypatch.setattr(notes, "write_first", self.write_first)

    async def write(self, store: QueueStore, *more: Any) -> Any:
        await self._halt(store, await self._write(store, *more))

    async def write_first(self, store: QueueStore, *more: Any) -> Any:
        note, _ = await note_and_key(store, *more)
        await self._halt(store, note)

    async def _halt(self, store: QueueStore, note: Note) -> None:
        for entry in note.jobs[: self._jobs]:
            message = message_for(entry.store, entry.job)
            await store.put(message.subject, message.payload, message.headers)
        raise InterruptedError


async def left_notes(store: QueueStore) -> list[str]:
    return [note.subject for note in await note_reading.abandoned(store, 0)]


class Running:
    """A worker that writes down what ran, and what a parent got of its children."""

    def __init__(self, queue: Queue) -> None:
        self.ran: list[str] = []
        self.values: dict[str, Any] = {}
        self.jobs = asyncio.Semaphore(0)
        self.worker = Worker(queue.name, self._process, {"connection": queue.opts["connection"]})
        self.worker.on("completed", lambda *_: self.jobs.release())

    async def _process(self, job: Job[Any, Any], _: str) -> Any:
        self.ran.append(str(job.name))
        if job.name == "parent":
            self.values = await job.getChildrenValues()
        return job.data

    async def done(self, jobs: int) -> None:
        """Returns when so many more jobs are done."""
        async with asyncio.timeout(20):
            for _ in range(jobs):
                await self.jobs.acquire()
