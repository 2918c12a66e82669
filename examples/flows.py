"""A tree of jobs over several queues: the parent runs when its children are done."""

from __future__ import annotations

import asyncio
from typing import Any

from jetbull import FlowProducer, Job, Queue, QueueEvents, Worker

PAGES, BOOKS = "example-pages", "example-books"


async def read_page(job: Job, token: str) -> int:
    if job.data["page"] == 3:
        raise ValueError("page 3 is torn out")
    return int(job.data["page"]) * 100


async def bind_book(job: Job, token: str) -> dict[str, Any]:
    """Gets what its children returned, and why some of them failed."""
    words = await job.getChildrenValues()
    missing = await job.getIgnoredChildrenFailures()
    return {"words": sum(words.values()), "missing": list(missing.values())}


async def main() -> None:
    flow = {
        "name": "bind",
        "queueName": BOOKS,
        "children": [
            {
                "name": "read",
                "queueName": PAGES,
                "data": {"page": page},
                # A page that fails for good does not keep the book from being bound. Without a
                # policy the parent waits; failParentOnFailure fails it.
                "opts": {"ignoreDependencyOnFailure": True},
            }
            for page in (1, 2, 3)
        ],
    }
    producer = FlowProducer()
    async with Queue(PAGES) as pages, Queue(BOOKS) as books, QueueEvents(BOOKS) as events:
        tree = await producer.add(flow)  # all of it is stored, or nothing
        book: Job = tree["job"]
        print("the book is", await book.getState())
        print("its pages are", [await child["job"].getState() for child in tree["children"]])
        async with Worker(PAGES, read_page), Worker(BOOKS, bind_book):
            print(await book.waitUntilFinished(events, 10_000))

        stored = await producer.getFlow({"id": book.id, "queueName": BOOKS})
        assert stored is not None
        states = [await child["job"].getState() for child in stored["children"]]
        print("in the end:", sorted(states))
        for queue in (pages, books):
            await queue.obliterate()
    await producer.close()


if __name__ == "__main__":
    asyncio.run(main())
