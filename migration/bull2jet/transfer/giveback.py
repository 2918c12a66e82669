"""The way back: jobs leave the target and stand in Redis again, in the layout of their library.

A job whose content did not change on the target keeps the hash that stayed in Redis, untouched; any
other is written anew. Each group of jobs goes back in one atomic step that also notes their ids, so
a run that is killed and repeated writes none twice; very many log rows or children are written
before it, when nothing lists their jobs yet. The target's copies go when everything is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bull2jet.canonical import differences
from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import Job, Scheduler, Settings, State
from bull2jet.progress import Progress
from bull2jet.source.deduplication import read_deduplication
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Command, Door, text
from bull2jet.source.generation import Library
from bull2jet.source.handover import RETURNED, Handover
from bull2jet.source.jobs import JobLoader
from bull2jet.source.json_text import sound_json, sound_text
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.listed import Listing, due_of
from bull2jet.source.listing import HOLDERS, pages
from bull2jet.source.options import abbreviated
from bull2jet.source.settings import read_settings
from bull2jet.source.sizes import CHUNK_BYTES
from bull2jet.source.writing import Writer, dumps
from bull2jet.target.protocol import TargetQueue
from bull2jet.transfer.leftover import Leftover
from bull2jet.transfer.mapping import Mapper
from bull2jet.transfer.owning import outlived, owned_again

#: `prioritized` before `waiting`: where both share one list, priorities run first
_ORDER = (
    State.WAITING_CHILDREN, State.COMPLETED, State.FAILED, State.PRIORITIZED, State.WAITING,
    State.DELAYED,
)  # fmt: skip
_GROUP = 50  # jobs per atomic step, fewer where they are large
_ARGUMENTS = 50_000  # of one script; Redis takes a million
_GONE = f"{OWN}gone"


@dataclass(slots=True)
class GiveBack:
    """Returns the jobs of one queue."""

    door: Door
    found: QueueFound
    target: TargetQueue
    handover: Handover
    mapper: Mapper
    #: the keys of deduplication ids
    index: KeyIndex
    findings: Findings
    progress: Progress
    #: the target's workers were let go, so its limits may have been changed there
    released: bool = True
    returned: dict[State, int] = field(default_factory=dict)
    _keys: QueueKeys = field(init=False)
    _writer: Writer = field(init=False)
    _leftover: Leftover = field(init=False)
    #: jobs that earlier runs returned; those of this one line up behind them
    _before: int = 0

    def __post_init__(self) -> None:
        self._keys = QueueKeys(self.found.queue)
        self._writer = Writer(self._keys, self.found.generation)
        self._leftover = Leftover(self.door, self.found, self.handover)

    async def give_back(self) -> None:
        """Returns everything, until the target holds nothing."""
        counts = await self.target.counts()
        if counts.get(State.ACTIVE):
            raise NotGoError(
                f"{counts[State.ACTIVE]} jobs of {self.found.queue.key} are active on the target; "
                "wait until their workers are done, then run the command again."
            )
        self._before = int(await self.door.call("SCARD", self._keys(RETURNED)))
        await self._leftover.set_aside()
        while counts:
            position = await self.target.position()
            for state in _ORDER:
                await self._return_state(state, counts.get(state, 0))
            await self.target.clear(position)
            counts = await self.target.counts()
        await self._leftover.line_up()
        await self._return_queue_wide()
        await self.target.clear_rest()
        await self._tidy()

    async def _return_state(self, state: State, total: int) -> None:
        self.progress.begin(self.found.queue.key, f"return {state}", total)
        number = 1
        async for ids in self.target.listing(state):
            start = 0
            while start < len(ids):
                largest = await self._return_group(state, ids[start : start + number])
                start += number
                number = max(1, min(2 * number, _GROUP, CHUNK_BYTES // (largest + 1)))

    async def _return_group(self, state: State, ids: Sequence[str]) -> int:
        """Returns these jobs; the size of the largest."""
        marks = await self.door.calls(
            [("SISMEMBER", self._keys(RETURNED), job_id) for job_id in ids]
        )
        wanted = [
            job_id
            for job_id, mark in zip(ids, marks, strict=True)
            if mark != 1 and not self._leftover.owns(job_id)
        ]
        copies = await self.target.read(wanted)
        jobs = [copies[i] for i in wanted if i in copies and copies[i].state is state]
        originals = await self._originals(jobs)
        scores = await self._scores(jobs)
        spelled = await self._spelled(jobs, originals)
        content: list[Command] = []
        places: list[Command] = []
        for job in jobs:
            number = self.returned[state] = self.returned.get(state, 0) + 1
            number += self._before
            changed = differences(originals[job.id], job) if job.id in originals else ["all"]
            if job.unreadable and job.id in originals:
                self._name_kept(job)
            elif set(changed) - {"state", "due"}:
                content += self._writer.hash(self.mapper.back(job), spelled.get(job.id))
                content += self._writer.beside(job)
            places += self._writer.place(job, number, scores.get(job.id))
            places.append(("SADD", self._keys(RETURNED), job.id))
        *before, rest = [*_slices(content), []] if _too_many(content) else [content]
        for some in before:
            await self.handover.together(some)
        await self.handover.together([*rest, *places])
        self.progress.advance(len(jobs), sum(job.size for job in jobs))
        return max((job.weight for job in jobs), default=0)

    async def _originals(self, jobs: Sequence[Job]) -> dict[str, Job]:
        """The jobs as the hashes in Redis still describe them."""
        listings = [Listing(job.id, job.state, 0) for job in jobs]
        loader = JobLoader(self.door, self.found.queue, self.found.generation)
        found: dict[str, Job] = {}
        async for loaded in loader.load(HOLDERS[0].mirror, listings):
            found |= {job.id: self.mapper.job(job) for job in loaded.jobs}
        return found

    async def _spelled(self, jobs: Sequence[Job], originals: Mapping[str, Job]) -> dict[str, str]:
        """The options of those jobs that have the same still, as their own version wrote them."""
        same = [j for j in jobs if j.id in originals and originals[j.id].opts == j.opts]
        found = await self.door.calls([("HGET", self._keys.job(job.id), "opts") for job in same])
        return {
            job.id: text(opts)
            for job, opts in zip(same, found, strict=True)
            if isinstance(opts, bytes)
        }

    async def _scores(self, jobs: Sequence[Job]) -> dict[str, float]:
        """The scores of delayed jobs that are still due when they were, ties among them kept."""
        delayed = [job for job in jobs if job.state is State.DELAYED]
        mirror = self._keys(f"{OWN}delayed")
        found = await self.door.calls([("ZSCORE", mirror, job.id) for job in delayed])
        scores: dict[str, float] = {}
        for job, score in zip(delayed, found, strict=True):
            if score is not None and not isinstance(score, Exception):
                known = Listing(job.id, job.state, 0, float(score))
                if due_of(known) == job.due or job.unreadable:
                    scores[job.id] = float(score)
        return scores

    async def _return_queue_wide(self) -> None:
        commands: list[Command] = []
        for scheduler in await self.target.schedulers():
            commands += self._scheduler(scheduler)
        held = await self.target.deduplications()
        here = [e async for e in read_deduplication(self.door, self.found.queue, self.index)]
        bare = {entry.id for entry in held if entry.next is None}
        kept = {
            entry.id
            for entry in here
            if self.target.refused_rule(entry) is not None
            or (entry.next is None and entry.id in bare)  # broken, or there is none
        }
        commands += owned_again(self._keys, held, kept)
        settings = await self.target.settings()
        known = (await read_settings(self.door, self.found.queue)).counter
        if settings.counter > known:  # old producers may count on meanwhile
            commands.append(("INCRBY", self._keys("id"), settings.counter - known))
        commands += self._limits(settings)
        await self._in_slices(commands)
        await self._in_slices(
            await outlived(self.door, self._keys, self.index, [entry.id for entry in held])
        )

    async def _in_slices(self, commands: Sequence[Command]) -> None:
        """Many a queue has more rules than one script should write, or one command may carry."""
        for some in _slices(commands):
            await self.handover.together(some)

    def _limits(self, settings: Settings) -> list[Command]:
        """Global limits as they stand on the target now; Bull has none.

        A run that was broken off may not have carried them.
        """
        if self.found.generation.library is Library.BULL or not self.released:
            return []
        meta = self._keys("meta")
        limits = {name: getattr(settings, name) for name in ("concurrency", "max", "duration")}
        return [
            ("HDEL", meta, name) if value is None else ("HSET", meta, name, value)
            for name, value in limits.items()
        ]

    def _scheduler(self, scheduler: Scheduler) -> list[Command]:
        """The scheduler under the member it had; one that began as a repeatable job stays one."""
        legacy = self.mapper.legacy_key(scheduler.id)
        place: Command = ("ZADD", self._keys("repeat"), scheduler.next, legacy or scheduler.id)
        if legacy is not None:
            return [place]
        name, count = sound_text(scheduler.name), str(scheduler.iterationCount)
        fields: dict[str, str] = {"name": name, "ic": count}
        for name in ("every", "pattern", "tz", "limit", "startDate", "endDate", "offset"):
            if getattr(scheduler, name) is not None:
                fields[name] = str(getattr(scheduler, name))
        if scheduler.data is not None:
            fields["data"] = sound_json(scheduler.data)
        if scheduler.opts:
            fields["opts"] = dumps(abbreviated(scheduler.opts))
        flat = [part for pair in fields.items() for part in pair]
        key = self._keys.scheduler(scheduler.id)
        return [place, ("DEL", key), ("HSET", key, *flat)]

    async def _tidy(self) -> None:
        """Drops bull2jet's own collections; names jobs that the target no longer had."""
        for holder in HOLDERS:
            async for listings in pages(self.door, self._keys, holder.mirror):
                ids = [listing.id for listing in listings]
                marks = await self.door.calls(
                    [("SISMEMBER", self._keys(RETURNED), job_id) for job_id in ids]
                )
                gone = [job_id for job_id, mark in zip(ids, marks, strict=True) if mark != 1]
                if gone:
                    await self.handover.together([("SADD", self._keys(_GONE), *gone)])
                for job_id in gone:
                    self._name_gone(job_id)
        own = [holder.mirror.suffix for holder in HOLDERS]
        own += [f"{OWN}repeat", f"{OWN}priority", RETURNED]
        await self.handover.together([("UNLINK", self._keys(name)) for name in own])

    def _name_kept(self, job: Job) -> None:
        text = f"the target's copy cannot be read ({job.unreadable}); it is as it was in Redis."
        queue = self.found.queue.key
        self.findings.add(Finding(Severity.CHANGED, "unreadable-copy", text, queue, job.id))

    def _name_gone(self, job_id: str) -> None:
        self.findings.add(
            Finding(
                Severity.LEFT,
                "gone-since",
                "had been removed on the target, so it is not listed in Redis again; its hash is "
                f"still there, and its id is in {self._keys(_GONE)!r}.",
                self.found.queue.key,
                job_id,
            )
        )


def _too_many(commands: Sequence[Command]) -> bool:
    return sum(map(len, commands)) > _ARGUMENTS


def _slices(commands: Sequence[Command]) -> Iterator[list[Command]]:
    """The commands in steps that Redis takes, and that do not hold it up for long."""
    some: list[Command] = []
    size = 0
    for command in commands:
        if some and size + len(command) > _ARGUMENTS:
            yield some
            some, size = [], 0
        some.append(command)
        size += len(command)
    if some:
        yield some


__all__ = ["GiveBack"]
