"""`bull2jet inspect`: what is there, in seconds, without writing anything."""

from __future__ import annotations

from bull2jet.commands.opening import redis_of
from bull2jet.commands.reporting import begin, command_line, finish, judge, note_server
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.formats import counted
from bull2jet.report.lines import QueueLine, Report, StateLine, Verdict
from bull2jet.source.discovery import Discovery, QueueFound, discover
from bull2jet.source.door import Door
from bull2jet.source.listing import HOLDERS
from bull2jet.source.orphans import find_orphans
from bull2jet.source.remaining import taken
from bull2jet.source.server import ServerFacts, read_server
from bull2jet.source.survey import QueueSurvey, survey

#: NATS' default message limit; `plan` asks the server itself
_MESSAGE_LIMIT = 1_048_576
#: with more keys than this, orphans are looked for only with --deep
SHALLOW = 200_000


async def inspect(options: Options, progress: Progress) -> Report:
    """The inventory of all queues; so quick that `progress` hears of nothing but the end."""
    async with redis_of(options) as door:
        return await _inspect(door, options)


async def _inspect(door: Door, options: Options) -> Report:
    report = begin("inspect", options, with_target=False)
    findings = Findings()
    facts, problems = await read_server(door)
    findings.extend(problems)
    note_server(report, facts)
    discovery = await discover(door, options.prefixes, options.queues)
    findings.extend(discovery.findings)
    for found in discovery.queues:
        surveyed, problems = await survey(door, found, _MESSAGE_LIMIT)
        findings.extend(problems)
        report.queues.append(_queue_line(surveyed))
        await _note_taken(door, found, findings)
    if options.deep or facts.keys <= SHALLOW:
        await _look_for_orphans(door, discovery, findings)
    finish(report, findings)
    report.verdict = judge(findings)
    _conclude(report, options, facts)
    return report


async def _note_taken(door: Door, found: QueueFound, findings: Findings) -> None:
    number = await taken(door, found)
    if number:
        text = (
            f"{counted(number, 'job')} taken over by a migration that is under way; kept here, "
            "where old workers see an empty queue, until `bull2jet finalize` or `rollback`."
        )
        findings.add(Finding(Severity.NOTE, "taken-over", text, found.queue.key))


async def _look_for_orphans(door: Door, discovery: Discovery, findings: Findings) -> None:
    known = [found.queue for found in discovery.queues]
    async for finding in find_orphans(door, discovery.queues, known):
        findings.add(finding)


def _conclude(report: Report, options: Options, facts: ServerFacts) -> None:
    jobs = sum(queue.jobs for queue in report.queues)
    if not report.queues:
        report.verdict = Verdict.STOP
        report.summary = "No-go: no queue of Bull or BullMQ was found in this database."
        if facts.databases and (facts.keys == 0 or len(facts.databases) > 1):
            holding = ", ".join(f"{n} ({keys:,})" for n, keys in facts.databases.items())
            report.summary += (
                f" Databases with keys here: {holding}; the address ends with /number."
            )
        return
    what = f"{counted(len(report.queues), 'queue')} with {counted(jobs, 'job')}"
    if report.verdict is Verdict.STOP:
        report.summary = f"No-go: {what}, but the numbered points above stop the migration."
        return
    left = " Some items would stay behind; see above." if report.verdict is Verdict.LEFT else ""
    report.verdict = Verdict.FINE
    report.summary = f"Go: {what} can be migrated.{left}"
    report.next = command_line("plan", options)


def _queue_line(surveyed: QueueSurvey) -> QueueLine:
    """A survey as a report line."""
    settings = surveyed.settings
    rate = f"{settings.max} per {settings.duration} ms" if settings.max is not None else None
    order = list(dict.fromkeys(holder.state for holder in HOLDERS))
    return QueueLine(
        queue=surveyed.queue.key,
        library=surveyed.generation.label,
        evidence=surveyed.generation.evidence,
        paused=settings.paused,
        concurrency=settings.concurrency,
        rate=rate,
        counter=settings.counter,
        schedulers=surveyed.schedulers,
        locked=surveyed.locked,
        relatives=tuple(sorted(surveyed.relatives)),
        states={
            state.value: StateLine(
                count=line.count,
                bytes=line.bytes,
                largest=line.largest,
                oldest=line.oldest,
                newest=line.newest,
            )
            for state in order
            if (line := surveyed.states.get(state)) is not None
        },
    )


__all__ = ["inspect"]
