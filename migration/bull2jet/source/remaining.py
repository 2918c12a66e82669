"""How many jobs stand where old workers look, and how many were taken over."""

from __future__ import annotations

from collections import Counter

from bull2jet.model import State
from bull2jet.source.discovery import QueueFound, current_types
from bull2jet.source.door import Door
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import HOLDERS, Holder, is_marker, listed_elsewhere, pages, usable


async def remaining(door: Door, found: QueueFound) -> dict[State, int]:
    """Jobs per state; states without any are left out; markers and double entries are no jobs.

    Those that a broken-off sweep has reserved count too: nobody else will carry them.
    """
    counts: Counter[State] = Counter()
    keys = QueueKeys(found.queue)
    types = await current_types(door, found.queue)
    for holder in usable(types):
        counts[holder.state] += await _size(door, keys, holder)
    for holder in (first.inflight for first in HOLDERS):
        if holder.suffix in types:
            counts[holder.state] += int(await door.call(holder.counting, keys(holder.suffix)))
    return +counts


async def taken(door: Door, found: QueueFound) -> int:
    """Jobs that were taken over, as far as the queue had any when it was found."""
    keys = QueueKeys(found.queue)
    mirrors = [holder.mirror for holder in HOLDERS if holder.mirror.suffix in found.types]
    return sum(await door.calls([(own.counting, keys(own.suffix)) for own in mirrors]))


async def _size(door: Door, keys: QueueKeys, holder: Holder) -> int:
    if not holder.is_list:
        return int(await door.call(holder.counting, keys(holder.suffix)))
    number = 0
    async for listings in pages(door, keys, holder):
        strange = [row.id for row in listings if is_marker(row.id)]
        answers = await door.calls([("EXISTS", keys.job(job_id)) for job_id in strange])
        doubles = await listed_elsewhere(door, keys, holder, [row.id for row in listings])
        number += len(listings) - answers.count(0) - len(doubles)
    return number


__all__ = ["remaining", "taken"]
