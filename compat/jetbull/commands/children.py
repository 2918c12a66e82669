"""What a parent knows of its children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from jetbull import checks
from jetbull.error_code import refused
from jetbull.errors import ConfigurationError
from jetbull.ledger.finishing import finishing
from jetbull.ledger.job import reading
from jetbull.ledger.job.patches import rewrite
from jetbull.ledger.messages.record import Record, Stored
from jetbull.ledger.parents import bookkeeping, parentage, releasing
from jetbull.ledger.store.store import QueueStore
from jetbull.types.results import Dependencies, DependencyCounts

_BOOKS = {
    "processed": bookkeeping.PROCESSED,
    "unprocessed": bookkeeping.PENDING,
    "ignored": bookkeeping.FAILED_KIND,
    "failed": bookkeeping.UNSUCCESSFUL,
}
_DEFAULT_PAGE = 20


async def values(store: QueueStore, job_id: str) -> dict[str, Any]:
    """`{child key: value}` of the completed children."""
    return await _book(store, job_id, bookkeeping.PROCESSED)


async def ignored(store: QueueStore, job_id: str) -> dict[str, str]:
    """`{child key: reason}` of the failed children that do not fail the parent."""
    return await _book(store, job_id, bookkeeping.FAILED_KIND)


async def _book(store: QueueStore, job_id: str, kind: str) -> dict[str, Any]:
    return (await bookkeeping.entries(store, job_id, kind)).get(kind, {})


async def dependencies(
    store: QueueStore, job_id: str, opts: Mapping[str, Any] | None
) -> Dependencies:
    """All four books, or pages of those asked for (`{kind: {cursor, count}}`)."""
    books = await bookkeeping.entries(store, job_id)
    opts = checks.mapping("opts", opts)
    if not opts:
        everything = {kind: _shown(kind, books.get(name, {})) for kind, name in _BOOKS.items()}
        return cast(Dependencies, everything)
    answer: dict[str, Any] = {}
    for kind in _BOOKS:
        if kind not in opts:
            continue
        page = opts[kind] if isinstance(opts[kind], Mapping) else {}
        cursor = checks.number(f"{kind}.cursor", page.get("cursor", 0) or 0, 0)
        count = checks.number(f"{kind}.count", page.get("count", _DEFAULT_PAGE), 0)
        book = books.get(_BOOKS[kind], {})
        keys = list(book)[cursor : cursor + count]
        answer[kind] = _shown(kind, {k: book[k] for k in keys})
        after = cursor + count
        answer[f"next{kind.capitalize()}Cursor"] = after if after < len(book) else 0
    return cast(Dependencies, answer)


@dataclass(frozen=True, slots=True)
class ChildrenPage:
    """Some of a parent's children: keys (and values), their stored jobs, how many there are."""

    items: list[dict[str, Any]]
    jobs: list[tuple[QueueStore, str, Stored]]
    total: int


async def page(store: QueueStore, job_id: str, kind: str, start: int, end: int) -> ChildrenPage:
    """Children that are `pending` (or `unprocessed`) or `processed`, inclusive positions.

    ConfigurationError (a ValueError) for another kind.
    """
    if kind not in ("pending", "unprocessed", "processed"):
        raise ConfigurationError(f"type is {kind!r}: getDependencies takes pending or processed.")
    done = kind == "processed"
    book = await _book(store, job_id, bookkeeping.PROCESSED if done else bookkeeping.PENDING)
    keys = list(book)[start : None if end == -1 else end + 1]
    places = [await parentage.by_key(store, key) for key in keys]
    queues: dict[str, tuple[QueueStore, list[str]]] = {}
    for owner, child_id in places:
        queues.setdefault(owner.names.qualified, (owner, []))[1].append(child_id)
    found = {name: await reading.find_many(owner, ids) for name, (owner, ids) in queues.items()}
    jobs = [
        (owner, child_id, found[owner.names.qualified][child_id])
        for owner, child_id in places
        if child_id in found[owner.names.qualified]
    ]
    items = [{"id": key, "v": book[key]} if done else {"id": key} for key in keys]
    return ChildrenPage(items, jobs, len(book))


def _shown(kind: str, book: dict[str, Any]) -> Any:
    return book if kind in ("processed", "ignored") else list(book)


async def counts(
    store: QueueStore, job_id: str, opts: Mapping[str, Any] | None
) -> DependencyCounts:
    """Sizes of the books asked for (`{kind: True}`), or of all."""
    books = await bookkeeping.entries(store, job_id)
    opts = checks.mapping("opts", opts)
    kinds = [k for k in _BOOKS if opts.get(k)] or list(_BOOKS)
    sizes = {kind: len(books.get(_BOOKS[kind], {})) for kind in kinds}
    return cast(DependencyCounts, sizes)


async def cut(store: QueueStore, job_id: str) -> bool:
    """Ends the dependency of the parent on this job; False if no parent waits for it.

    JobError -1 when the job is gone, -5 when its parent is.
    """
    found = await reading.find(store, job_id)
    if found is None:
        raise refused(-1, "removeChildDependency", job_id)
    await finishing.at_rest(store, job_id, found)  # whose parent does not wait for it any more
    parent = await parentage.parent_of(store, found.record, job_id)
    if parent is None:
        return False
    if await reading.find(parent.store, parent.job_id) is None:
        key = f"{parent.store.names.qualified}:{parent.job_id}"
        raise refused(-5, "removeChildDependency", parent=key)
    if not await bookkeeping.book(parent, bookkeeping.NOTHING, "null"):
        return False

    def orphan(record: Record) -> None:
        record.head["orphaned"] = True

    await rewrite(store, job_id, orphan)
    # A later add may have given it to the parent again, before it could see that it is an orphan.
    await bookkeeping.book(parent, bookkeeping.NOTHING, "null")
    await releasing.release(parent.store, parent.job_id, removed=True)
    return True


__all__ = ["ChildrenPage", "counts", "cut", "dependencies", "ignored", "page", "values"]
