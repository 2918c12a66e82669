"""Storing trees of jobs: parents that wait, the children they wait for, all in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from jetbull.commands import adding, linking
from jetbull.error_code import refused
from jetbull.errors import BatchTooLarge, ConfigurationError, Conflict, FlowError, JobError
from jetbull.job import Job
from jetbull.ledger import parents, reading
from jetbull.ledger.adding import NewJob, is_stored, message_for
from jetbull.ledger.adding import add as store_job
from jetbull.ledger.batch import Message, commit, most_in_batch
from jetbull.ledger.guard import expect
from jetbull.ledger.moving import ensure_level
from jetbull.ledger.names import HEAD
from jetbull.ledger.placing import WAITING_CHILDREN
from jetbull.ledger.store import QueueStore
from jetbull.legacy import modern
from jetbull.minimal_queue import MinimalQueue
from jetbull.options import check_id
from jetbull.types.flow_options import JobNode


class Tree:
    """A node of a flow on its way into the ledger."""

    def __init__(self, queue: MinimalQueue, name: str, data: Any, opts: Mapping[str, Any]) -> None:
        opts = modern(opts)
        check_id(opts)
        job_id = str(opts.get("jobId") or uuid4().hex)
        self.job = Job(queue, name, data, opts, job_id)
        self.job.id = job_id
        self.queue = queue
        self.children: list[Tree] = []

    def walk(self) -> Iterator[Tree]:
        """The node, then its descendants, parents before children."""
        yield self
        for child in self.children:
            yield from child.walk()

    def as_dict(self) -> JobNode:
        """BullMQ's JobNode."""
        node: JobNode = {"job": self.job}
        if self.children:
            node["children"] = [child.as_dict() for child in self.children]
        return node


async def add_trees(store: QueueStore, trees: Sequence[Tree], strict: bool) -> None:
    """Stores all trees; with `strict`, a root that cannot be stored raises FlowError."""
    nodes = [node for tree in trees for node in tree.walk()]
    for node in nodes:
        if node.children and "deduplication" in node.job.opts:
            raise ConfigurationError(
                "Deduplication options cannot be used on flow nodes with children"
            )
    roots: list[Tree] = []
    for tree in trees:
        problem = await _missing_parent(tree)
        if problem is None:
            roots.append(tree)
        elif strict:
            raise FlowError(str(problem), problem.code)
    kept = [node for tree in roots for node in tree.walk()]
    if not kept:
        return
    if any("deduplication" in node.job.opts for node in kept):
        await _one_by_one(roots)
        return
    try:
        await _together(store, kept)
    except Conflict:
        await _one_by_one(roots)


async def _missing_parent(tree: Tree) -> JobError | None:
    parent = tree.job.parent
    if not parent:
        return None
    store = await tree.queue.ledger()
    link = linking.link(store, parent)
    owner = await store.sibling(link["prefix"], link["queue"])
    if await reading.find(owner, link["id"]) is None:
        return refused(-5, "addJob", parent=str(tree.job.parentKey))
    return None


async def _prepared(node: Tree) -> tuple[QueueStore, NewJob]:
    store = await node.queue.ledger()
    place = WAITING_CHILDREN if node.children else None
    return store, await adding.prepare(store, node.job, place)


async def _together(store: QueueStore, nodes: Sequence[Tree]) -> None:
    streams: dict[str, list[tuple[Message, Tree]]] = {}
    stored: list[tuple[QueueStore, NewJob]] = []
    for node in nodes:
        owner, new = await _prepared(node)
        stored.append((owner, new))
        batch = streams.setdefault(owner.names.space.jobs, [])
        if new.place.level:
            await ensure_level(owner, new.place.level)
        batch.append((message_for(owner, new), node))
        parent = await parents.parent_of(owner, new.record, new.job_id)
        if parent is not None:
            await linking.tell_families(parent.store)
            subject, headers = parents.pending_message(
                parent.store, parent.job_id, parent.child_key
            )
            expect(headers, subject, 0)
            pending = streams.setdefault(parent.store.names.space.jobs, [])
            pending.append((Message(subject, b"null", headers), node))
    told = 0
    for stream, batch in streams.items():
        try:
            await _commit(store, stream, batch)
        except Conflict as rival:
            if not (rival.repeated and await is_stored(*stored[0])):
                raise
            told = 1  # stored at the first attempt, whose answer was lost
    if max(map(len, streams.values())) > most_in_batch(store.wire):
        await _let_go(nodes)
    for number, (owner, new) in enumerate(stored):
        if new.on_stored is not None and number >= told:
            new.on_stored(0)
        if new.place.due_ms:
            owner.promoter.arm(new.job_id, new.place.due_ms)
    for owner in {id(o): o for o, n in stored if n.place.state == HEAD}.values():
        await owner.hint("head")


async def _commit(store: QueueStore, stream: str, messages: list[tuple[Message, Tree]]) -> None:
    """One batch; of a flow too large for it several, no parent of which comes before its children.

    So it cannot run before all of them are there, and the root is stored last.
    """
    try:
        await commit(store.wire, stream, [message for message, _ in messages])
        return
    except BatchTooLarge:
        most = most_in_batch(store.wire)
    ordered = [message for message, node in messages if not node.children]
    ordered += [message for message, node in reversed(messages) if node.children]
    for at in range(0, len(ordered), most):
        await commit(store.wire, stream, ordered[at : at + most])


async def _one_by_one(roots: Sequence[Tree]) -> None:
    """Some id exists already: each job is added under BullMQ's rules for duplicates."""
    for root in roots:
        for node in root.walk():
            if node.children:
                store, new = await _prepared(node)
                if node.job.parent:
                    await linking.add_child(store, new)
                elif not await store_job(store, new):
                    store.emit("duplicated", jobId=new.job_id)
            else:
                node.job.id = await adding.add(await node.queue.ledger(), node.job)
    await _let_go([node for root in roots for node in root.walk()])


async def _let_go(nodes: Sequence[Tree]) -> None:
    """Parents whose children were done before the parent was stored need not wait."""
    for node in nodes:
        if node.children:
            await parents.release(await node.queue.ledger(), node.job.id)
