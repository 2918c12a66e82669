"""Storing trees of jobs: parents that wait, the children they wait for, all in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from jetbull.commands import adding, linking
from jetbull.commands.inserting import insert
from jetbull.commands.known import Item
from jetbull.commands.preparing import prepare
from jetbull.commands.ruling import rule_of
from jetbull.error_code import refused
from jetbull.errors import ConfigurationError, FlowError, JobError
from jetbull.job import Job
from jetbull.ledger import parentage, reading, releasing
from jetbull.ledger.adding import NewJob
from jetbull.ledger.adding import add as store_job
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
        self.unnamed = not opts.get("jobId")
        job_id = uuid4().hex if self.unnamed else str(opts["jobId"])
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


async def add_trees(trees: Sequence[Tree], strict: bool) -> None:
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
    if not await _together(kept):
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
    new = await prepare(store, node.job, place)
    new.generated = node.unnamed
    return store, new


async def _together(nodes: Sequence[Tree]) -> bool:
    """Stores the nodes in one step (per prefix); False when an id among them exists already."""
    streams: dict[str, list[tuple[Tree, Item]]] = {}
    for node in nodes:
        store, new = await _prepared(node)
        parent = await parentage.parent_of(store, new.record, new.job_id)
        if parent is not None and not linking.is_near(store, parent):
            await linking.tell_families(parent.store)
            await linking.expect_child(parent)
            parent = None
        item = Item(store, new, rule_of(node.job.opts), parent)
        streams.setdefault(store.names.space.jobs, []).append((node, item))
    for members in streams.values():
        items = [item for _, item in members]
        ids = await insert(items[0].store, items)
        if ids is None:
            return False
        for (node, _), job_id in zip(members, ids, strict=True):
            node.job.id = job_id
    return True


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
            await releasing.release(await node.queue.ledger(), node.job.id)
