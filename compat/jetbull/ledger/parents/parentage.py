"""Whose child a job is: the parent that a record names, and the job that a child key names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jetbull.errors import StreamMissing
from jetbull.ledger.job.reading import find
from jetbull.ledger.messages.names import Space
from jetbull.ledger.messages.record import Record
from jetbull.ledger.store.store import QueueStore

#: Options that say what a child's failure means for its parent, of which a job may have one.
POLICY = (
    "removeDependencyOnFailure",
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
)
_USUAL_PREFIXES = ("bull", "{bull}")


@dataclass(frozen=True, slots=True)
class Parent:
    """The job a child belongs to, and the child's name in its books."""

    store: QueueStore
    job_id: str
    child_key: str


def link(own_prefix: str, parent: Mapping[str, Any]) -> dict[str, Any]:
    """The stored form of `{id, queueKey}`: prefix and queue told apart.

    The child's own prefix and the usual ones come first. Any other may hold colons, while the name
    of a queue has none, as BullMQ sees to.
    """
    key = str(parent["queueKey"])
    for known in (own_prefix, *_USUAL_PREFIXES):
        if key.startswith(f"{known}:"):
            prefix, queue = known, key[len(known) + 1 :]
            break
    else:
        prefix, _, queue = key.rpartition(":")
    return {"id": str(parent["id"]), "queueKey": key, "prefix": prefix, "queue": queue}


async def parent_of(store: QueueStore, record: Record, job_id: str) -> Parent | None:
    """The parent named in a record, or None."""
    link = record.given.get("parent")
    if not link or record.head.get("orphaned"):
        return None
    owner = await store.sibling(link["prefix"], link["queue"])
    return Parent(owner, link["id"], f"{store.names.qualified}:{job_id}")


def policy_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a child's failure means for its parent: options of the add that named the parent."""
    link: dict[str, Any] = given.get("parent") or {}
    opts: dict[str, Any] = link["policy"] if "policy" in link else given.get("opts") or {}
    return opts


async def by_key(store: QueueStore, key: str) -> tuple[QueueStore, str]:
    """The queue and id a child key (`<prefix>:<queue>:<id>`) stands for.

    The three parts may hold colons themselves, so the split that finds a job is taken.
    """
    candidates = _splits(store.names.space.prefix, key)
    first: tuple[QueueStore, str] | None = None
    for prefix, queue, job_id in candidates:
        if len(candidates) > 1 and not await _is_used(store, prefix):
            continue
        place = await store.sibling(prefix, queue), job_id
        first = first or place
        if len(candidates) == 1 or await find(*place) is not None:
            return place
    if first is None:
        prefix, queue, job_id = candidates[0]
        first = await store.sibling(prefix, queue), job_id
    return first


def _splits(own: str, key: str) -> list[tuple[str, str, str]]:
    """All that a child key may mean, the likeliest first."""
    for known in (own, *_USUAL_PREFIXES):
        if key.startswith(f"{known}:"):
            rest = key[len(known) + 1 :].split(":")
            found = [(known, ":".join(rest[:i]), ":".join(rest[i:])) for i in range(1, len(rest))]
            break
    else:
        parts = key.split(":")
        found = [
            (parts[0], ":".join(parts[1:i]), ":".join(parts[i:])) for i in range(2, len(parts))
        ]
    parts = key.split(":")
    found += [
        (":".join(parts[: i - 1]), parts[i - 1], ":".join(parts[i:])) for i in range(3, len(parts))
    ]
    return list(dict.fromkeys(found))


async def _is_used(store: QueueStore, prefix: str) -> bool:
    """Whether there are queues below a prefix; opening one would make its streams."""
    space = store.names.space
    if prefix == space.prefix:
        return True
    try:
        await store.wire.api(f"STREAM.INFO.{Space(prefix, space.replicas).jobs}")
    except StreamMissing:
        return False
    return True


__all__ = ["POLICY", "Parent", "by_key", "link", "parent_of", "policy_of"]
