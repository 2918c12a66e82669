"""Where a queue's root, `<prefix>:<queue>`, is parted: both may hold colons.

Bull and BullMQ up to 5.12 take any name; later versions refuse names with a colon, so there the
last one parts prefix and name. New programs find the jobs only where both are told apart rightly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from bull2jet.findings import Finding, Severity
from bull2jet.model import QueueRef
from bull2jet.source.door import Door
from bull2jet.source.keys import QueueKeys
from bull2jet.source.settings import read_meta

_USUAL_PREFIXES = ("bull", "{bull}")
_NOTED = re.compile(r"bullmq:(\d+)\.(\d+)\.")
_NO_COLONS_SINCE = (5, 13)


async def part_roots(door: Door, roots: Iterable[str], prefixes: Sequence[str]) -> list[QueueRef]:
    """The queues of these roots.

    A given prefix wins; then what the noted version tells; then prefixes that this has brought to
    light elsewhere, then the libraries' default.
    """
    queues = {root: _split(root, prefixes) for root in roots}
    if not prefixes:
        unclear = {root: queue for root, queue in queues.items() if queue and ":" in queue.name}
        clear = [root for root, queue in unclear.items() if await _has_no_colon(door, queue)]
        known = {_at_last_colon(root).prefix for root in clear}
        queues |= {root: _split(root, [*known, *_USUAL_PREFIXES]) for root in unclear}
        queues |= {root: _at_last_colon(root) for root in clear}
    return [queue for queue in queues.values() if queue]


async def doubtful(door: Door, queue: QueueRef, queues: Collection[QueueRef]) -> Finding | None:
    """What is said of one of the queues whose prefix may be another than it was taken for.

    It may be longer than a usual one, or be shorter, as another queue's is.
    """
    if queue.prefix in _USUAL_PREFIXES:
        other = _at_last_colon(queue.key)
    else:
        shorter = {each.prefix for each in queues if queue.prefix.startswith(f"{each.prefix}:")}
        other = (_split(queue.key, [*shorter]) if shorter else None) or queue
        for each in queues if shorter else ():
            if each.prefix == queue.prefix and await _has_no_colon(door, each):
                return None
    if other == queue:
        return None
    sentence = (
        f"this is taken for the queue {queue.name!r} with the prefix {queue.prefix!r}; if it is "
        f"{other.name!r} with the prefix {other.prefix!r}, give --prefix {other.prefix}."
    )
    return Finding(Severity.NOTE, "doubtful-prefix", sentence, queue.key)


def _split(root: str, prefixes: Sequence[str]) -> QueueRef | None:
    """By the longest of the prefixes; without any by the usual ones, else at the last colon."""
    for prefix in sorted(prefixes or _USUAL_PREFIXES, key=len, reverse=True):
        if root.startswith(f"{prefix}:"):
            return QueueRef(prefix, root[len(prefix) + 1 :])
    return None if prefixes else _at_last_colon(root)


def _at_last_colon(root: str) -> QueueRef:
    prefix, _, name = root.rpartition(":")
    return QueueRef(prefix, name)


async def _has_no_colon(door: Door, queue: QueueRef) -> bool:
    """Whether a library wrote the queue that refuses names with colons."""
    noted = _NOTED.match((await read_meta(door, QueueKeys(queue))).get("version", ""))
    return noted is not None and (int(noted[1]), int(noted[2])) >= _NO_COLONS_SINCE


__all__ = ["doubtful", "part_roots"]
