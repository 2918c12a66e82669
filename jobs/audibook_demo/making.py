"""The way of a book through the queue: parse it, then run the flow of its jobs."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anyio

from audibook import BookOutline, Library, RegisteredBook
from jetbull import FlowProducer, JetbullError, Job, Queue, QueueEvents

from .boards import Board, Row
from .errors import DemoError
from .flow import BOOK, book_flow, job_ids
from .interface import post
from .plan import QUEUE, Plan
from .progress import count_rows, follow

__all__ = ["Made", "Making"]

_PARSE = "parse-epub"


@dataclass(frozen=True, slots=True)
class Made:
    """The finished audiobook, its length in seconds, and what became of the jobs."""

    path: Path
    seconds: float
    rows: Sequence[Row]


class Making:
    """Makes one registered book, going on where an earlier run ended."""

    def __init__(
        self, plan: Plan, library: Library, book: RegisteredBook, nats_url: str, api_url: str
    ) -> None:
        self._plan = plan
        self._library = library
        self._book = book
        self._api_url = api_url
        self._options: Mapping[str, Any] = {"connection": nats_url, "prefix": plan.prefix}
        self._correlation_id = f"demo-{uuid.uuid4()}"

    async def make(self, board: Board) -> Made:
        """Run all jobs; raises DemoError when one of them fails for good."""
        async with AsyncExitStack() as stack:
            queue = await stack.enter_async_context(_closing(Queue(QUEUE, self._options)))
            events = await stack.enter_async_context(_closing(QueueEvents(QUEUE, self._options)))
            await events.waitUntilReady()
            parsing = await self._parse(queue, events, board)
            await self._library.approve(self._book.id)
            outline = await self._library.outline(self._book.id)
            stages = job_ids(outline)
            await self._start_flow(queue, outline, stages[BOOK][0])
            await follow(queue, events, stages, board, self._plan.logs)
            rows = await count_rows(queue, {_PARSE: [parsing], **stages})
        path = self._plan.audiobook(outline.title)
        seconds = await self._library.fetch_audiobook(self._book.id, path)
        return Made(path, seconds, rows)

    async def _parse(self, queue: Queue, events: QueueEvents, board: Board) -> str:
        """Post the book unless an earlier run did; the id of the finished job."""
        board.show(_PARSE, 0, 1)
        job = await self._earlier_parsing(queue)
        if job is None:
            body = {"bookId": self._book.id, "s3Key": self._book.s3_key}
            headers = {"x-correlation-id": self._correlation_id}
            answer = await post(self._api_url, f"/api/queue/{_PARSE}", body, headers)
            self._note({self._book.id: answer["jobId"]})
            job = await queue.getJob(answer["jobId"])
            if job is None:
                raise DemoError(f"The job {answer['jobId']} is gone: does anybody else clean?")
        try:
            await job.waitUntilFinished(events)
        except JetbullError as error:
            raise DemoError(f"The book {self._plan.epub} cannot be read: {error}") from error
        board.show(_PARSE, 1, 1)
        return str(job.id)

    @property
    def _notes(self) -> Path:
        """Which job parses which book; lost with the server's data, which it speaks of."""
        return self._plan.state / "parsing.json"

    def _note(self, parsing: dict[str, str]) -> None:
        # Whole or not at all, whenever the run is ended.
        written = self._notes.with_suffix(".new")
        written.write_text(json.dumps(parsing))
        written.replace(self._notes)

    async def _earlier_parsing(self, queue: Queue) -> Job | None:
        try:
            job_id = json.loads(self._notes.read_text()).get(self._book.id)
        except (FileNotFoundError, ValueError, AttributeError):
            return None  # parsing once more changes nothing
        job = await queue.getJob(job_id) if job_id else None
        return None if job is None or await job.isFailed() else job

    async def _start_flow(self, queue: Queue, outline: BookOutline, root_id: str) -> None:
        """Add the jobs that are not there; those of a flow that failed are all added anew."""
        root = await queue.getJob(root_id)
        state = await root.getState() if root is not None else "unknown"
        if state == "completed":
            return
        if root is not None and state == "failed":
            await root.remove()
        async with _closing(FlowProducer(self._options)) as producer:
            await producer.add(book_flow(outline, QUEUE, self._correlation_id))


class _Closable(Protocol):
    async def close(self) -> None: ...


_C = TypeVar("_C", bound=_Closable)


@asynccontextmanager
async def _closing(thing: _C) -> AsyncIterator[_C]:
    """Close it in every case, also when the run is cancelled."""
    try:
        yield thing
    finally:
        with anyio.CancelScope(shield=True):
            await thing.close()
