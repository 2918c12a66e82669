"""How many jobs are in each state, asked in the way that takes the least time.

Few jobs are listed and counted exactly. With many, the server's own counters are read: consumers
that nobody pulls from, whose `num_pending` the server keeps up to date whatever the number. As long
as the stream has few consumers, all counters come in one answer. The last count, if it is recent,
decides between the two ways. It also tells which states had hardly any jobs: their messages are
read together in one answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import monotonic

from jetbull.errors import StoreError
from jetbull.ledger.messages.names import (
    COMPLETED,
    FAILED,
    PRIO,
    PUBLIC,
    PUBLIC_STATES,
    SETTLE,
    STALLED,
    WAIT,
)
from jetbull.ledger.queue.consumers import line_consumer
from jetbull.ledger.queue.counting import (
    Counts,
    count_listed,
    count_matching,
    count_section,
    count_waiting,
    has_many,
    levels,
    pending_of_all,
)
from jetbull.ledger.queue.kept import Kept
from jetbull.ledger.store.shared import Shared
from jetbull.ledger.store.store import QueueStore

__all__ = ["EXACT_LIMIT", "count_all"]

EXACT_LIMIT = 2000
_HANDFUL = 4  # messages, which cost no more than a counter that is asked for
_LISTED = 32  # consumers of all queues, whose list costs no more than asking for each of a queue's
_FRESH_S = 2.0  # hardly more is added meanwhile than is listed in a tenth of a second
_SECTIONS = {
    **{f"{state}.*": name for state, name in PUBLIC.items()},
    **{f"{SETTLE}.{state}": PUBLIC[state] for state in (COMPLETED, FAILED)},
}
_SOON_OVER = {section: 0 for section in _SECTIONS if section.startswith((STALLED, SETTLE))}


async def count_all(store: QueueStore) -> Counts:
    """Jobs per BullMQ state."""
    if store.counts is None:
        store.counts = Shared(Tally(store).count)
    return await store.counts.answer()


class Tally:
    """The jobs of one queue, counted again and again."""

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._looked = float("-inf")
        self._was_small = False
        self._sizes: dict[str, int] = {}  # messages of each section when last counted
        self._levels: list[int] = []
        self._consumers = 0  # of the stream, when last looked
        self._kept: Kept[Counts] = Kept()

    async def count(self) -> Counts:
        """Jobs per BullMQ state."""
        store, is_fresh = self._store, monotonic() - self._looked <= _FRESH_S
        if self._kept.is_worth_a_look() or not is_fresh:
            info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
            self._looked = monotonic()
            known = self._kept.recall(info)
            if known is not None:
                return known
            if not is_fresh:
                self._was_small = int(info["state"]["messages"]) <= EXACT_LIMIT
                self._consumers = int(info["state"]["consumer_count"])
                self._sizes, self._levels = {}, []
        counts = await (count_listed(store) if self._was_small else self._ask())
        self._was_small = sum(counts.values()) <= EXACT_LIMIT
        self._looked = monotonic()
        if self._was_small or not store.wire.is_clustered:
            self._kept.keep(counts, is_exact=self._was_small)
        return counts

    async def _ask(self) -> Counts:
        known = _SOON_OVER if self._store.wire.is_clustered else {**self._sizes, **_SOON_OVER}
        few = [section for section in _SECTIONS if known.get(section, _HANDFUL + 1) <= _HANDFUL]
        many = [section for section in _SECTIONS if section not in few]
        self._sizes = await (self._by_list if self._may_list else self._one_by_one)(few, many)
        counts = dict.fromkeys(PUBLIC_STATES, 0)
        for section, size in self._sizes.items():
            counts[_SECTIONS[section]] += size
        return counts if sum(counts.values()) > EXACT_LIMIT else await count_listed(self._store)

    @property
    def _may_list(self) -> bool:
        return self._consumers <= _LISTED and not self._store.wire.is_clustered

    async def _by_list(self, few: list[str], many: list[str]) -> dict[str, int]:
        store = self._store
        found, pending, self._levels = await store.wire.together(
            self._handful(few), pending_of_all(store), levels(store)
        )
        self._consumers = len(pending)
        return {**found, **{section: await self._listed(section, pending) for section in many}}

    async def _one_by_one(self, few: list[str], many: list[str]) -> dict[str, int]:
        found, sizes = await asyncio.gather(
            self._handful(few), asyncio.gather(*(self._size(section) for section in many))
        )
        return {**found, **dict(zip(many, sizes, strict=True))}

    async def _listed(self, section: str, pending: Mapping[str, int]) -> int:
        """The size of a section by the list of all counters; one that is missing is made."""
        names, state = self._store.names, section.partition(".")[0]
        if state == PRIO:
            counters = [line_consumer(names, level)[0] for level in self._levels]
        else:
            counters = [line_consumer(names)[0] if state == WAIT else names.consumer(f"n{state}")]
        if all(counter in pending for counter in counters):
            return sum(pending[counter] for counter in counters)
        return await self._size(section)

    async def _handful(self, sections: Iterable[str]) -> dict[str, int]:
        """The sizes of sections that hold few messages or none."""
        names = self._store.names
        sizes = dict.fromkeys(sections, 0)
        patterns = {names.all_in(*section.split(".")): section for section in sizes}
        try:
            found = await self._store.wire.get_batch(
                names.space.jobs, {"multi_last": list(patterns)}
            )
        except StoreError:  # more than the 1,024 that come in one answer
            return {section: await self._size(section) for section in sizes}
        for message in found:
            _, _, _, state, lane, _ = message.subject.split(".")
            sizes[f"{state}.{lane}" if state == SETTLE else f"{state}.*"] += 1
        return sizes

    async def _size(self, section: str) -> int:
        store, names = self._store, self._store.names
        state, lane = section.split(".")
        if state == WAIT:
            return await count_waiting(store)
        if state == PRIO:
            return await self._prioritized()
        if section in _SOON_OVER:
            # Not by the consumer that repairs: where there is none yet, the server would look
            # through all jobs to make it.
            return await count_matching(store, names.all_in(state, lane))
        return await count_section(store, state)

    async def _prioritized(self) -> int:
        known = () if has_many(self._levels) else self._levels
        self._levels, sizes = await asyncio.gather(levels(self._store), self._at(known))
        if has_many(self._levels):
            return await count_matching(self._store, self._store.names.all_in(PRIO))
        return sizes + await self._at(set(self._levels).difference(known))

    async def _at(self, priorities: Iterable[int]) -> int:
        asked = (count_waiting(self._store, level) for level in priorities)
        return sum(await asyncio.gather(*asked))
