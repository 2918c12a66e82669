"""`bull2jet plan`: the whole run without its writes: everything is read, mapped and encoded."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence

from bull2jet.canonical import Seal, digest
from bull2jet.commands.opening import nats_of, redis_of
from bull2jet.commands.reporting import begin, command_line, finish, judge, note_server
from bull2jet.commands.selecting import key_index, line_for, select
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import FINISHED, Deduplication, Job, Scheduler, State
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.lines import Due, QueueLine, Report, StateLine, Verdict
from bull2jet.source.deduplication import read_deduplication
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.doubles import Double, doubles
from bull2jet.source.jobs import JobLoader
from bull2jet.source.key_index import DEDUPLICATION, KeyIndex
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listed import Listing
from bull2jet.source.listing import Holder, page, usable
from bull2jet.source.orphans import find_orphans
from bull2jet.source.server import read_server
from bull2jet.source.vanishing import MISSING, lasting
from bull2jet.target.protocol import Target
from bull2jet.target.records import refusal
from bull2jet.target.rules import rule_refusal
from bull2jet.transfer.belonging import require_known
from bull2jet.transfer.checkpoint import Checkpoint, load_all
from bull2jet.transfer.flows import FlowCheck
from bull2jet.transfer.mapping import Mapper
from bull2jet.transfer.queue_wide import all_schedulers, as_carried, refused_scheduler

_NEXT_DUE = 20
#: what storing and comparing cost, per job and in units of reading it once; measured
_STORING = 1.5
_COMPARING = 3.0
#: bytes that a job takes on the target at least, besides what its program has given
_ENVELOPE = 250


async def plan(options: Options, progress: Progress) -> Report:
    """The dry run of `run`."""
    report = begin("plan", options, with_target=True)
    async with redis_of(options) as door, nats_of(options) as target:  # makes nothing on it
        return await _plan(door, target, options, progress, report)


async def _plan(
    door: Door, target: Target, options: Options, progress: Progress, report: Report
) -> Report:
    findings = Findings()
    facts, problems = await read_server(door)
    findings.extend(problems)
    note_server(report, facts)
    selection = await select(door, options, findings)
    begun = await load_all(target)
    for found in selection.chosen:
        await require_known(door, found.queue, begun.get(found.queue, Checkpoint()))
    flows = FlowCheck([found.queue for found in selection.chosen], selection.known)
    index = key_index(door, selection, DEDUPLICATION)
    for found in selection.chosen:
        planner = Planner(door, found, index, options, findings, progress, flows, target.limit)
        report.queues.append(await planner.plan())
    async for finding in find_orphans(door, selection.chosen, selection.known):
        findings.add(finding)
    findings.extend(await flows.findings(door, allowed=options.partial_flows))
    jobs = sum(queue.jobs for queue in report.queues)
    left = sum(line.left or 0 for queue in report.queues for line in queue.states.values())
    needed = sum(queue.bytes for queue in report.queues) + (jobs - left) * _ENVELOPE
    findings.extend(_without_room(needed, await target.room()))
    finish(report, findings)
    report.verdict = judge(findings)
    if report.verdict is Verdict.STOP:
        report.summary = f"No-go: {jobs:,} jobs were read, but the numbered points stop the run."
    else:
        report.summary = f"Go: {jobs - left:,} of {jobs:,} jobs would be carried."
        report.next = command_line("run", options)
    return report


def _without_room(needed: int, room: int | None) -> Iterator[Finding]:
    if room is not None and needed > room:
        yield Finding(
            Severity.STOP,
            "no-room",
            f"the jobs take {needed:,} bytes on NATS or more, and its account may store {room:,} "
            "more; raise the account's limit (max_file), or carry fewer with --history.",
        )


class Planner:
    """The dry run of one queue."""

    def __init__(
        self,
        door: Door,
        found: QueueFound,
        index: KeyIndex,
        options: Options,
        findings: Findings,
        progress: Progress,
        flows: FlowCheck,
        limit: int,
    ) -> None:
        self._door = door
        self._found = found
        self._index = index
        self._options = options
        self._findings = findings
        self._progress = progress
        self._flows = flows
        self._limit = limit
        self._keys = QueueKeys(found.queue)
        self._mapper = Mapper(found.queue, options.timezone)
        self._due: list[tuple[int, str, str]] = []
        self._doubles: dict[str, Double] = {}
        self._seen: set[str] = set()  # of the doubles

    async def plan(self) -> QueueLine:
        """Reads everything; the report line."""
        line = await line_for(self._door, self._found)
        schedules = await all_schedulers(self._door, self._found.queue)
        self._findings.extend(schedules.findings)
        queue = self._found.queue
        line.schedulers = 0
        for scheduler in self._mapper.schedulers(schedules.schedulers):
            line.schedulers += 1
            problem = self._refusal(scheduler)
            if problem is not None:
                self._findings.add(refused_scheduler(queue, scheduler, problem))
        line.deduplications = 0
        async for held in read_deduplication(self._door, queue, self._index, self._findings):
            line.deduplications += 1
            as_carried(queue, held, self._refusal, self._findings)
        started = time.monotonic()
        holders = usable(self._found.types, self._options.states or None)
        twice = await doubles(self._door, self._keys, holders)
        self._doubles = {double.id: double for double in twice}
        for holder in holders:
            await self._read_holder(holder, line)
        seconds = time.monotonic() - started
        line.pause_predicted = round(1.0 + seconds * (1 + _STORING + _COMPARING), 1)
        line.next_due = [Due(job_id, name, due) for due, job_id, name in sorted(self._due)]
        return line

    def _refusal(self, rule: Scheduler | Deduplication) -> str | None:
        return rule_refusal(rule, self._found.queue, self._limit)

    async def _read_holder(self, holder: Holder, line: QueueLine) -> None:
        total = int(await self._door.call(holder.counting, self._keys(holder.suffix)))
        offset = self._skipped(holder, total)
        state = line.states.setdefault(holder.state.value, StateLine(left=0))
        state.count += offset
        state.left = (state.left or 0) + offset
        self._progress.begin(self._found.queue.key, f"read {holder.suffix}", total - offset)
        loader = JobLoader(self._door, self._found.queue, self._found.generation)
        seal = Seal()
        missing: list[Finding] = []
        while True:
            started = time.monotonic()
            listings = await page(self._door, self._keys, holder, offset, self._door.pace.size)
            if not listings:
                break
            offset += len(listings)
            async for loaded in loader.load(holder, self._once_each(holder, listings)):
                missing += [f for f in loaded.findings if f.code == MISSING]
                self._findings.extend(f for f in loaded.findings if f.code != MISSING)
                self._findings.extend(self._mapper.notes(loaded.jobs))
                self._flows.look(self._found.queue, loaded.jobs)
                state.count += len(loaded.jobs) + loaded.damaged
                state.left += loaded.damaged
                for job in loaded.jobs:
                    self._add(job, state, seal, line)
                self._progress.advance(len(loaded.jobs), sum(job.size for job in loaded.jobs))
            await self._door.pace.breathe(len(listings), time.monotonic() - started)
        still = await lasting(self._door, self._keys, holder, missing)
        self._findings.extend(still)
        state.count -= len(missing) - len(still)
        state.left -= len(missing) - len(still)
        if seal.count:
            state.digest, state.order = seal.content, seal.order

    def _once_each(self, holder: Holder, listings: Sequence[Listing]) -> list[Listing]:
        """The ids as a run would carry them: those that the lists name twice, once."""
        if not self._doubles or not holder.is_list:
            return list(listings)
        once = []
        for row in listings:
            double = self._doubles.get(row.id)
            if double is None or row.id not in self._seen:
                once.append(row)
            if double is not None and row.id not in self._seen:
                self._seen.add(row.id)
                self._findings.extend(double.notes(self._found.queue))
        return once

    def _skipped(self, holder: Holder, total: int) -> int:
        if holder.state not in FINISHED or self._options.history is None:
            return 0
        return max(0, total - self._options.history)

    def _add(self, job: Job, state: StateLine, seal: Seal, line: QueueLine) -> None:
        mapped = self._mapper.job(job)
        problem = refusal(mapped, self._found.queue, self._limit)
        if problem is not None:
            state.left = (state.left or 0) + 1
            self._findings.add(
                Finding(
                    Severity.LEFT,
                    "refused",
                    f"not carried: the target cannot hold it: {problem}.",
                    self._found.queue.key,
                    job.id,
                )
            )
            return
        size = job.size
        state.bytes += size
        state.largest = max(state.largest, size)
        state.oldest = min(job.timestamp, state.oldest or job.timestamp)
        state.newest = max(job.timestamp, state.newest or job.timestamp)
        seal.add(mapped.id, digest(mapped))
        line.locked += job.locked
        if job.state is State.DELAYED and job.due is not None:
            self._note_due(job.due, job)
        if size > self._limit // 2:
            self._findings.add(
                Finding(
                    Severity.NOTE,
                    "large-job",
                    f"has {size:,} bytes; its data goes to the object store.",
                    self._found.queue.key,
                    job.id,
                )
            )

    def _note_due(self, due: int, job: Job) -> None:
        entry = (due, job.id, job.name)
        self._due = heapq.nsmallest(_NEXT_DUE, [*self._due, entry])


__all__ = ["Planner", "plan"]
