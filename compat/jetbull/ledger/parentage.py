"""Whose child a job is: the parent that a record names, and the job that a child key names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jetbull.ledger.reading import find
from jetbull.ledger.record import Record
from jetbull.ledger.store import QueueStore

POLICY = (
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
    "removeDependencyOnFailure",
)


@dataclass(frozen=True, slots=True)
class Parent:
    """The job a child belongs to, and the child's name in its books."""

    store: QueueStore
    job_id: str
    child_key: str


def link(store: QueueStore, parent: Mapping[str, Any]) -> dict[str, Any]:
    """The stored form of `{id, queueKey}`: prefix and queue told apart."""
    key = str(parent["queueKey"])
    own = store.names.space.prefix
    if key.startswith(own + ":"):
        prefix, queue = own, key[len(own) + 1 :]
    else:
        prefix, _, queue = key.partition(":")
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
    parts = key.split(":")
    candidates: list[tuple[str, str, str]] = []
    own = store.names.space.prefix
    if key.startswith(own + ":"):
        rest = key[len(own) + 1 :].split(":")
        candidates += [(own, ":".join(rest[:i]), ":".join(rest[i:])) for i in range(1, len(rest))]
    else:
        candidates += [
            (parts[0], ":".join(parts[1:i]), ":".join(parts[i:])) for i in range(2, len(parts))
        ]
    first: tuple[QueueStore, str] | None = None
    for prefix, queue, job_id in candidates:
        place = await store.sibling(prefix, queue), job_id
        first = first or place
        if len(candidates) == 1 or await find(*place) is not None:
            return place
    assert first is not None, key
    return first


__all__ = ["POLICY", "Parent", "by_key", "link", "parent_of", "policy_of"]
