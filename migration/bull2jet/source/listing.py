"""The collections that hold job ids, and reading them page by page in running order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace

from bull2jet.model import FINISHED, State
from bull2jet.source.door import Door, text
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.listed import Listing


@dataclass(frozen=True, slots=True)
class Holder:
    """A key that holds ids of jobs in one state."""

    suffix: str
    state: State
    is_list: bool
    #: Bull up to 2 kept finished jobs so; what bull2jet takes over gets the order of that moment
    is_set: bool = False

    @property
    def redis_type(self) -> str:
        """The type Redis gives such a collection."""
        if self.is_set:
            return "set"
        return "list" if self.is_list else "zset"

    @property
    def counting(self) -> str:
        """The command that counts the ids."""
        if self.is_set:
            return "SCARD"
        return "LLEN" if self.is_list else "ZCARD"

    @property
    def is_own(self) -> bool:
        """Whether bull2jet keeps this collection, for jobs it has taken over."""
        return self.suffix.startswith(OWN)

    @property
    def mirror(self) -> Holder:
        """Where the ids go when their jobs are taken over."""
        return Holder(OWN + self.suffix, self.state, self.is_list)

    @property
    def refused(self) -> Holder:
        """Where the ids stay of jobs whose id another job on the target has."""
        return Holder(f"{OWN}refused:{self.suffix}", self.state, self.is_list)

    @property
    def inflight(self) -> Holder:
        """Where the ids are while a bridge copies their jobs."""
        return Holder(f"{OWN}inflight:{self.suffix}", self.state, self.is_list)


#: In the order a run carries them: parents before their children, then what has finished, then
#: what runs next. `paused` stands before `wait`: BullMQ 6 resumes it to the front.
HOLDERS = (
    Holder("waiting-children", State.WAITING_CHILDREN, is_list=False),
    Holder("completed", State.COMPLETED, is_list=False),
    Holder("failed", State.FAILED, is_list=False),
    Holder("active", State.ACTIVE, is_list=True),
    Holder("paused", State.WAITING, is_list=True),
    Holder("wait", State.WAITING, is_list=True),
    Holder("prioritized", State.PRIORITIZED, is_list=False),
    Holder("delayed", State.DELAYED, is_list=False),
)

#: An id in several sorted sets is in the state BullMQ's getState names first.
_PRECEDENCE = ("completed", "failed", "delayed", "prioritized", "waiting-children")


def _stronger_than(holder: Holder) -> tuple[str, ...]:
    """Sorted sets whose word on a job's state outweighs this holder's."""
    if holder.is_own:
        return ()
    if holder.is_list:
        return _PRECEDENCE[:4]
    return _PRECEDENCE[: _PRECEDENCE.index(holder.suffix)]


async def page(
    door: Door, keys: QueueKeys, holder: Holder, offset: int, size: int
) -> list[Listing]:
    """Up to `size` ids from `offset` on, in the order the library would take or list them."""
    key = keys(holder.suffix)
    if holder.is_list:  # taken from the right
        ids = await door.call("LRANGE", key, -(offset + size), -(offset + 1))
        return [
            Listing(text(job_id), holder.state, offset + rank)
            for rank, job_id in enumerate(reversed(ids))
        ]
    if holder.is_set:  # numbers in their order, which is that of their adds
        ids = sorted(map(text, await door.call("SMEMBERS", key)), key=lambda i: (len(i), i))
        return [
            Listing(job_id, holder.state, offset + rank)
            for rank, job_id in enumerate(ids[offset : offset + size])
        ]
    flat = await door.call("ZRANGE", key, offset, offset + size - 1, "WITHSCORES")
    return [
        Listing(text(flat[2 * rank]), holder.state, offset + rank, float(flat[2 * rank + 1]))
        for rank in range(len(flat) // 2)
    ]


async def pages(door: Door, keys: QueueKeys, holder: Holder) -> AsyncIterator[list[Listing]]:
    """All ids of a holder, `door.pace.size` at a time."""
    offset = 0
    while True:
        listings = await page(door, keys, holder, offset, door.pace.size)
        if not listings:
            return
        offset += len(listings)
        yield listings


async def unfinished(door: Door, keys: QueueKeys) -> AsyncIterator[list[Listing]]:
    """The ids of all jobs that have not finished, taken over or not; active ones first."""
    live = [h for first in HOLDERS if first.state not in FINISHED for h in (first, first.mirror)]
    live.sort(key=lambda holder: holder.state is not State.ACTIVE)
    kinds = await door.calls([("TYPE", keys(holder.suffix)) for holder in live])
    for holder, kind in zip(live, kinds, strict=True):
        if text(kind) == holder.redis_type:
            async for listings in pages(door, keys, holder):
                yield listings


async def listed_elsewhere(
    door: Door, keys: QueueKeys, holder: Holder, ids: Sequence[str]
) -> dict[str, str]:
    """Those of the holder's ids that a stronger sorted set lists too, and which one.

    It counts whether that set is still the library's or has been taken over. One that waits, for
    its turn or for children, and is active as well is active.
    """
    waits = holder.state in (State.WAITING, State.WAITING_CHILDREN) and not holder.is_own
    active = await _listed_active(door, keys) if waits else set()
    found = {job_id: "active" for job_id in ids if job_id in active}
    names = [name for other in _stronger_than(holder) for name in (other, f"{OWN}{other}")]
    if not names or not ids:
        return found
    exist = await door.calls([("EXISTS", keys(name)) for name in names])
    names = [name for name, there in zip(names, exist, strict=True) if there == 1]
    commands = [("ZSCORE", keys(name), job_id) for job_id in ids for name in names]
    scores = iter(await door.calls(commands))
    for job_id in ids:
        for name in names:
            score = next(scores)
            if score is not None and not isinstance(score, Exception):
                found.setdefault(job_id, name.removeprefix(OWN))
    return found


async def _listed_active(door: Door, keys: QueueKeys) -> set[str]:
    """Ids of active jobs, taken over or not."""
    answers = await door.calls(
        [("LRANGE", keys(name), 0, -1) for name in ("active", f"{OWN}active")]
    )
    return {text(i) for ids in answers if not isinstance(ids, Exception) for i in ids}


def is_marker(job_id: str) -> bool:
    """BullMQ 2 to 4 put `0` or `0:<ms>` into `wait` to wake workers; these are no jobs."""
    return job_id == "0" or job_id.startswith("0:")


def usable(types: dict[str, str], states: Collection[State] | None = None) -> list[Holder]:
    """The holders that exist with the right type, in carrying order."""
    return [
        holder
        for holder in (_as_found(holder, types.get(holder.suffix)) for holder in HOLDERS)
        if types.get(holder.suffix) == holder.redis_type
        and (states is None or holder.state in states)
    ]


def holders(finished_in_sets: bool) -> list[Holder]:
    """All of a library's collections, whether they exist or not."""
    return [_as_found(holder, "set" if finished_in_sets else None) for holder in HOLDERS]


def _as_found(holder: Holder, kind: str | None) -> Holder:
    return replace(holder, is_set=True) if kind == "set" and holder.state in FINISHED else holder


__all__ = [
    "HOLDERS",
    "Holder",
    "holders",
    "is_marker",
    "listed_elsewhere",
    "page",
    "pages",
    "unfinished",
    "usable",
]
