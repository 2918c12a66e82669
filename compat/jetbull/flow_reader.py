"""Reading a stored flow back as a tree."""

from __future__ import annotations

import asyncio

from jetbull.job import Job, JobOwner
from jetbull.job_node import JobNode
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.store.store import QueueStore
from jetbull.minimal_queue import MinimalQueue

_AT_ONCE = 16  # nodes of a tree
_BOOKS = (
    bookkeeping.PROCESSED,
    bookkeeping.PENDING,
    bookkeeping.UNSUCCESSFUL,
    bookkeeping.FAILED_KIND,
)


async def read_tree(queue: JobOwner, job_id: str, depth: int, max_children: int) -> JobNode | None:
    """`{"job": Job, "children": [...]}`, `depth` levels with the root; None for an unknown job.

    Of a node's children that are done, pending, failed and ignored, `max_children` each are shown.
    """
    return await _Reader(max_children).read(queue, job_id, depth)


class _Reader:
    def __init__(self, max_children: int) -> None:
        self._most = max_children
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read(self, queue: JobOwner, job_id: str, depth: int) -> JobNode | None:
        store = await queue.ledger()
        async with self._turns:
            job, keys = await asyncio.gather(
                Job.fromId(queue, job_id), self._children(store, job_id, depth)
            )
            if job is None:
                return None
            places = [await parentage.by_key(store, key) for key in keys]
        tree: JobNode = {"job": job}
        found = await asyncio.gather(
            *(self.read(queue_of(queue, owner), child_id, depth - 1) for owner, child_id in places)
        )
        children = [child for child in found if child is not None]
        if children:
            tree["children"] = children
        return tree

    async def _children(self, store: QueueStore, job_id: str, depth: int) -> list[str]:
        if depth == 1:
            return []
        books = await bookkeeping.entries(store, job_id)
        return [key for kind in _BOOKS for key in list(books.get(kind, ()))[: self._most]]


def queue_of(parent: JobOwner, store: QueueStore) -> MinimalQueue:
    """The queue of a child, by the connection of its parent's."""
    name, prefix = store.names.name, store.names.space.prefix
    return MinimalQueue(name, parent.backend.forQueue(name, prefix), {"prefix": prefix})


__all__ = ["queue_of", "read_tree"]
