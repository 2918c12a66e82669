"""Where a queue's root, `<prefix>:<queue>`, is parted: both may hold colons.

Bull and BullMQ up to 5.12 take any name; later versions refuse names with a colon, so there the
last one parts prefix and name. New programs find the jobs only where both are told apart rightly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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


def doubtful(queue: QueueRef) -> Finding | None:
    """What is said of a queue whose prefix may be longer than it was taken for."""
    if queue.prefix not in _USUAL_PREFIXES or ":" not in queue.name:
        return None
    longer = _at_last_colon(queue.key)
    sentence = (
        f"this is taken for the queue {queue.name!r} with the prefix {queue.prefix!r}; if it is "
        f"{longer.name!r} with the prefix {longer.prefix!r}, give --prefix {longer.prefix}."
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
