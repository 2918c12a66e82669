"""The least a user of the NATS server needs, by role: for a server that denies by default.

    producer   adds jobs, flows and schedulers
    worker     takes and finishes jobs, keeps their logs, removes finished ones by retention
    reader     looks: jobs, counts, logs, events, workers
    admin      everything about the prefix, and makes its streams

What a role may write is bounded by queue. What it may read is bounded by prefix: a stream holds all
queues of a prefix, and the server cannot narrow a read to some of them. Queues that must not see
each other belong into prefixes, better accounts, of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from jetbull.errors import ConfigurationError
from jetbull.ledger.adding import intake
from jetbull.ledger.messages.names import QueueNames, Space
from jetbull.ledger.queue import presence
from jetbull.options import DEFAULT_PREFIX

__all__ = ["ROLES", "Permissions", "Role", "permissions_of"]

Role = Literal["producer", "worker", "reader", "admin"]
ROLES: tuple[str, ...] = get_args(Role)

_ADDED = ("wait", "head", "prio", "delayed", "children", "gone")
_KEPT = ("level", "dedup", "sched", "bulk", "note", "part", "ids")
_INBOX = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
_COUNTERS = ("head", "delayed", "active", "children", "completed", "failed")


@dataclass(frozen=True, slots=True)
class Permissions:
    """Subjects a user may publish to and subscribe to; everything else is denied."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    def as_config(self) -> dict[str, Any]:
        """The `permissions` of a user in the server's configuration."""
        return {
            "publish": {"allow": list(self.publish)},
            "subscribe": {"allow": list(self.subscribe)},
            "allow_responses": True,
        }


def permissions_of(
    role: str, queues: Sequence[str], prefix: str = DEFAULT_PREFIX, inbox: str = "_INBOX"
) -> Permissions:
    """What `role` needs for these queues. ConfigurationError for an unknown role or a bad inbox.

    `inbox` is the user's `inbox_prefix`: one of its own keeps others from reading its answers.
    """
    if role not in ROLES:
        raise ConfigurationError(f"role is '{role}': use one of {', '.join(ROLES)}.")
    if not _INBOX.fullmatch(inbox):
        raise ConfigurationError(
            f"inbox is '{inbox}': use words with dots between, without wildcards and blanks."
        )
    space = Space(prefix or DEFAULT_PREFIX)
    names = [space.queue(queue) for queue in queues]
    publish = _common(space) + _PUBLISH[role](space, names)
    subscribe = [f"{inbox}.>", space.alive, *_listened(role, space, names)]
    return Permissions(tuple(dict.fromkeys(publish)), tuple(dict.fromkeys(subscribe)))


def _common(space: Space) -> list[str]:
    """Opening a queue and reading jobs."""
    return [
        *(f"$JS.API.STREAM.INFO.{stream}" for stream in space.streams),
        *(f"$JS.API.DIRECT.GET.{stream}" for stream in space.streams),
        # As a direct get, of a cluster's leader: the others may be behind.
        *(f"$JS.API.STREAM.MSG.GET.{stream}" for stream in space.streams),
    ]


def _producer(space: Space, queues: list[QueueNames]) -> list[str]:
    allowed: list[str] = []
    for names in queues:
        allowed += [names.all_in(state) for state in _ADDED]
        allowed += [names.all_aux(kind) for kind in _KEPT]
        allowed += [names.all_dependencies(), names.events, names.counter("id")]
        allowed += [names.all_objects(), names.hint("*")]
    return allowed


def _worker(space: Space, queues: list[QueueNames]) -> list[str]:
    jobs = space.jobs
    allowed = [
        f"$JS.API.CONSUMER.CREATE.{jobs}.>",
        f"$JS.API.CONSUMER.INFO.{jobs}.*",
        f"$JS.API.CONSUMER.LIST.{jobs}",
        f"$JS.API.CONSUMER.DELETE.{jobs}.*",
        f"$JS.API.CONSUMER.MSG.NEXT.{jobs}.*",
        f"$JS.ACK.{jobs}.>",
        f"$JS.API.STREAM.MSG.DELETE.{jobs}",
        *(f"$JS.API.STREAM.PURGE.{s}" for s in (jobs, space.events, space.logs, space.objects)),
    ]
    for names in queues:
        allowed += [names.everything(), names.all_beside(), names.all_dependencies(), names.events]
        allowed += [names.counter(">"), names.all_logs(), names.all_objects(), names.hint("*")]
        if names.name == intake.QUEUE:
            allowed += [
                f"$JS.API.STREAM.{verb}.{intake.STREAM}"
                for verb in ("INFO", "CREATE", "UPDATE", "MSG.GET", "MSG.DELETE")
            ]
    return allowed


def _reader(space: Space, queues: list[QueueNames]) -> list[str]:
    allowed = [
        "$JS.API.INFO",
        f"$JS.API.CONSUMER.INFO.{space.jobs}.*",
        f"$JS.API.CONSUMER.LIST.{space.jobs}",
        f"$JS.API.CONSUMER.DELETE.{space.events}.*",
    ]
    for names in queues:
        counted = [names.consumer(f"n{state}") for state in _COUNTERS]
        waiting = [names.consumer("w"), names.consumer("r")]
        allowed += [f"$JS.API.CONSUMER.CREATE.{space.jobs}.{c}" for c in counted + waiting]
        allowed.append(f"$JS.API.CONSUMER.CREATE.{space.events}.*.{names.events}")
        allowed += [names.hint(topic) for topic in ("who", "listens", presence.TRACES)]
    return allowed


def _admin(space: Space, queues: list[QueueNames]) -> list[str]:
    allowed = ["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"]
    for stream in space.streams:
        allowed += [
            f"$JS.API.STREAM.*.{stream}",
            f"$JS.API.STREAM.*.*.{stream}",
            f"$JS.API.CONSUMER.*.{stream}",
            f"$JS.API.CONSUMER.*.{stream}.>",
            f"$JS.API.CONSUMER.*.*.{stream}.>",
            f"$JS.ACK.{stream}.>",
        ]
    roots = ("jb", "jbq", "jbd", "jbe", "jbc", "jbl", "jbo", "jbh")
    allowed += [f"{root}.{space.token}.>" for root in roots]
    return allowed + [s for names in queues for s in _worker(space, [names])]


_PUBLISH = {"producer": _producer, "worker": _worker, "reader": _reader, "admin": _admin}


def _listened(role: str, space: Space, queues: list[QueueNames]) -> list[str]:
    if role == "admin":
        allowed = [f"jbh.{space.token}.>"]
    elif role == "worker":
        allowed = [names.hint("*") for names in queues]
    elif role == "reader":
        return [names.hint(topic) for names in queues for topic in ("listens", presence.TRACES)]
    else:
        return [names.hint(presence.TRACES) for names in queues]
    if any(names.name == intake.QUEUE for names in queues):
        allowed += intake.SUBJECTS
    return allowed
