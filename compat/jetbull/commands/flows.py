"""Storing trees of jobs: parents that wait, the children they wait for, all in one batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Protocol

from jetbull.commands import adding, linking
from jetbull.commands.draft import Draft
from jetbull.commands.inserting import insert
from jetbull.commands.known import Item
from jetbull.commands.preparing import prepare_many
from jetbull.commands.ruling import rule_of
from jetbull.commands.storing import arm
from jetbull.error_code import refused
from jetbull.errors import ConfigurationError, FlowError, JobError
from jetbull.ledger.adding.adding import NewJob
from jetbull.ledger.adding.adding import add as store_job
from jetbull.ledger.belongings import blobs
from jetbull.ledger.job import reading
from jetbull.ledger.messages.placing import WAITING_CHILDREN
from jetbull.ledger.messages.record import Stored
from jetbull.ledger.parents import bookkeeping, parentage, releasing
from jetbull.ledger.store.store import QueueStore

_AT_ONCE = 50  # children of one parent
_SURE_S = 5.0  # a wait for a child that is not there is dropped later (`missed_ends.OLD_ENOUGH_MS`)


class TreeQueue(Protocol):
    """The queue of one job of a tree."""

    async def ledger(self) -> QueueStore:
        """The queue's ledger."""


class Tree(Protocol):
    """A job on its way into the ledger, with the children it waits for."""

    unnamed: bool
    """Whether the caller gave it no id."""

    @property
    def queue(self) -> TreeQueue:
        """Where the job goes."""

    @property
    def job(self) -> Draft:
        """The job itself."""

    @property
    def children(self) -> Sequence[Tree]:
        """Trees below this one."""


Prepared = tuple[Tree, QueueStore, NewJob]


async def add_trees(trees: Sequence[Tree], strict: bool) -> None:
    """Stores all trees; with `strict`, a root that cannot be stored raises FlowError."""
    nodes = [node for tree in trees for node in _walk(tree)]
    for node in nodes:
        if node.children and node.job.opts.get("deduplication"):
            raise ConfigurationError(
                "Deduplication options cannot be used on flow nodes with children"
            )
    roots: list[Tree] = []
    for tree in trees:
        try:
            if tree.job.parent:
                await linking.require_parent(await tree.queue.ledger(), tree.job)
        except JobError as missing:
            if strict:
                raise FlowError(str(missing), missing.code) from missing
        else:
            roots.append(tree)
    kept = [node for tree in roots for node in _walk(tree)]
    if not kept:
        return
    prepared = await _all_prepared(kept)
    if not await _together(prepared):
        await _one_by_one(roots, {id(node): new for node, _, new in prepared})


def _walk(tree: Tree) -> Iterator[Tree]:
    """The tree's own job, then its descendants, parents before children."""
    yield tree
    for child in tree.children:
        yield from _walk(child)


async def _all_prepared(nodes: Sequence[Tree]) -> list[Prepared]:
    """The nodes in their order, ready to be stored; what is large is not put elsewhere yet."""
    queues: dict[TreeQueue, list[Tree]] = {}
    for node in nodes:
        queues.setdefault(node.queue, []).append(node)
    found: dict[int, tuple[QueueStore, NewJob]] = {}
    for queue, some in queues.items():
        store = await queue.ledger()
        places = [WAITING_CHILDREN if node.children else None for node in some]
        jobs = await prepare_many(store, [node.job for node in some], whole=True, places=places)
        for node, new in zip(some, jobs, strict=True):
            new.generated = node.unnamed
            found[id(node)] = store, new
    return [(node, *found[id(node)]) for node in nodes]


async def _together(nodes: Sequence[Prepared]) -> bool:
    """Stores the nodes in one step (per prefix); False when an id among them exists already, or
    where it is not told before whether a parent has to wait for a child in another prefix.
    """
    streams: dict[str, list[tuple[Tree, Item]]] = {}
    away: list[parentage.Parent] = []  # waits for children in other prefixes
    ruled = False
    for node, store, new in nodes:
        parent = await parentage.parent_of(store, new.record, new.job_id)
        rule = rule_of(node.job.opts)
        ruled |= rule is not None
        is_away = parent is not None and not linking.is_near(store, parent)
        if parent is not None and is_away:
            if not node.unnamed and await reading.find(store, new.job_id) is not None:
                return False
            away.append(parent)
            parent = None
        item = Item(store, new, rule, parent, is_away)
        streams.setdefault(store.names.space.jobs, []).append((node, item))
    if away and ruled:
        return False
    for parent in away:
        await parent.store.mark("families")
        await linking.expect_child(parent)
    for members in streams.values():
        items = [item for _, item in members]
        ids = await insert(items[0].store, items)
        if ids is None:
            return False
        for (node, _), job_id in zip(members, ids, strict=True):
            node.job.id = job_id
    return True


async def _one_by_one(roots: Sequence[Tree], jobs: Mapping[int, NewJob]) -> None:
    """Some id exists already: each job is added under BullMQ's rules for duplicates.

    A tree that cannot be added does not keep the others from it.
    """
    problem: JobError | None = None
    for root in roots:
        nodes = list(_walk(root))
        try:
            growth = _Growth(jobs, await _require_adoptable(nodes))
            try:
                await growth.add(root)
            except JobError:
                for parent in growth.begun.values():
                    await _not_expected(parent)
                raise
            await _let_go(nodes)
        except JobError as error:
            problem = problem or error
    if problem is not None:
        raise problem


async def _require_adoptable(nodes: Sequence[Tree]) -> set[int]:
    """Those that exist. JobError -7, before any is stored, where one is another parent's child."""
    queues: dict[TreeQueue, list[Tree]] = {}
    for node in nodes:
        if node.job.parent and not node.unnamed:
            queues.setdefault(node.queue, []).append(node)
    there: dict[int, tuple[QueueStore, Stored]] = {}
    for queue, some in queues.items():
        store = await queue.ledger()
        found = await reading.find_still(store, [str(node.job.id) for node in some])
        there.update({id(n): (store, found[n.job.id]) for n in some if n.job.id in found})
    parents: dict[tuple[TreeQueue, str], str | None] = {}
    for node in nodes:
        if node.unnamed or not node.job.parent:
            continue
        key = node.job.parentKey
        if parents.setdefault((node.queue, str(node.job.id)), key) != key:
            raise refused(-7, "addJob", parent=str(key))
        if id(node) in there:
            await linking.refuse_rival(*there[id(node)], str(node.job.id), str(key))
    return set(there)


@dataclass(slots=True)
class _Growth:
    """A tree that is added job by job: siblings together, parents before their children.

    Of those that are `there` it is known. `begun` are waits whose child is not added yet.
    """

    jobs: Mapping[int, NewJob]
    there: Collection[int]
    begun: dict[int, parentage.Parent] = field(default_factory=dict)

    async def add(self, node: Tree, awaited: float | None = None) -> None:
        """Stores the node, for which its parent waits since `awaited` (`time.monotonic`), and then
        what is below it.

        A parent waits for all its children before the first of them is added. One that is done
        already, or soon, would let it go alone.
        """
        await self._add(node, awaited)
        self.begun.pop(id(node), None)
        plain = [child for child in node.children if "deduplication" not in child.job.opts]
        since = time.monotonic()
        await _in_parts(partial(self._expect, node), plain)
        # Another job may stand for one under a deduplication id, as for the one before it.
        for is_plain, some in groupby(node.children, lambda c: "deduplication" not in c.job.opts):
            at_once = _AT_ONCE if is_plain else 1
            add = partial(self.add, awaited=since if is_plain else None)
            await _in_parts(add, list(some), at_once)

    async def _add(self, node: Tree, awaited: float | None) -> None:
        store, new = await node.queue.ledger(), self.jobs[id(node)]
        new.generated = False  # it may be stored already, if the tree's prefixes are several
        if awaited is None and not node.children:
            node.job.id = await adding.add(store, node.job, new)
            return
        await blobs.externalize(store, new.job_id, new.record)
        if awaited is not None:
            if time.monotonic() - awaited < _SURE_S:
                job_id = await linking.add_awaited(store, new, id(node) in self.there)
            else:
                job_id = await linking.add_child(store, new)
            arm(store, job_id, new.place)
        elif node.job.parent:
            await linking.add_child(store, new)
        elif not await store_job(store, new):
            store.emit("duplicated", jobId=new.job_id)

    async def _expect(self, node: Tree, child: Tree) -> None:
        parent = await _parent(node, child)
        if await linking.expect_child(parent):
            self.begun[id(child)] = parent


async def _in_parts(
    step: Callable[[Tree], Awaitable[None]], nodes: Sequence[Tree], at_once: int = _AT_ONCE
) -> None:
    """Takes the step with all nodes, or with those up to one that cannot be added."""
    for start in range(0, len(nodes), at_once):
        steps = (step(node) for node in nodes[start : start + at_once])
        for outcome in await asyncio.gather(*steps, return_exceptions=True):
            if outcome is not None:
                raise outcome


async def _parent(node: Tree, child: Tree) -> parentage.Parent:
    store = await node.queue.ledger()
    await store.mark("families")
    key = f"{(await child.queue.ledger()).names.qualified}:{child.job.id}"
    return parentage.Parent(store, str(node.job.id), key)


async def _not_expected(parent: parentage.Parent) -> None:
    """The child is not added after all; what others have told the parent may let it go."""
    await bookkeeping.book(parent, bookkeeping.NOTHING, "null")
    if set(await bookkeeping.entries(parent.store, parent.job_id)) - {bookkeeping.NOTHING}:
        await releasing.release(parent.store, parent.job_id)


async def _let_go(nodes: Sequence[Tree]) -> None:
    """Parents whose children were done before the parent was stored need not wait."""
    await _in_parts(_release, [node for node in nodes if node.children])


async def _release(node: Tree) -> None:
    await releasing.release(await node.queue.ledger(), node.job.id)


__all__ = ["Tree", "add_trees"]
