"""Reading a stored flow back as a tree."""

from __future__ import annotations

from jetbull.job import Job, JobOwner
from jetbull.job_node import JobNode
from jetbull.ledger.parents import bookkeeping, parentage
from jetbull.ledger.store.store import QueueStore
from jetbull.minimal_queue import MinimalQueue

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
    job = await Job.fromId(queue, job_id)
    if job is None:
        return None
    tree: JobNode = {"job": job}
    if depth == 1:
        return tree
    store = await queue.ledger()
    books = await bookkeeping.entries(store, job_id)
    keys = [key for kind in _BOOKS for key in list(books.get(kind, ()))[:max_children]]
    children: list[JobNode] = []
    for key in keys:
        child_store, child_id = await parentage.by_key(store, key)
        child = await read_tree(queue_of(queue, child_store), child_id, depth - 1, max_children)
        if child is not None:
            children.append(child)
    if children:
        tree["children"] = children
    return tree


def queue_of(parent: JobOwner, store: QueueStore) -> MinimalQueue:
    """The queue of a child, by the connection of its parent's."""
    name, prefix = store.names.name, store.names.space.prefix
    return MinimalQueue(name, parent.backend.forQueue(name, prefix), {"prefix": prefix})


__all__ = ["queue_of", "read_tree"]
