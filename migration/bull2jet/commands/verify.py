"""`bull2jet verify`: compares both sides again; may be run as often as one likes."""

from __future__ import annotations

from bull2jet.commands.opening import nats_of, redis_of
from bull2jet.commands.reporting import begin, command_line, finish, judge, note_server
from bull2jet.commands.selecting import key_index, line_for, refuse_final, select, without_final
from bull2jet.commands.tallying import fill_comparison
from bull2jet.findings import Findings, Severity
from bull2jet.model import FINISHED
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.formats import counted
from bull2jet.report.lines import QueueLine, Report, StateLine, Verdict
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.key_index import DEDUPLICATION, KeyIndex
from bull2jet.source.remaining import remaining
from bull2jet.source.server import read_server
from bull2jet.target.protocol import Target
from bull2jet.transfer.belonging import require_known
from bull2jet.transfer.checkpoint import Phase, load, require
from bull2jet.transfer.queue_wide import mapper_for
from bull2jet.transfer.verify import Verifier
from bull2jet.transfer.verify_rules import RuleCheck


async def verify(options: Options, progress: Progress) -> Report:
    """Compares every carried job of the chosen queues."""
    report = begin("verify", options, with_target=True)
    findings = Findings()
    async with redis_of(options) as door, nats_of(options) as target:
        facts, problems = await read_server(door)
        findings.extend(problems)
        note_server(report, facts)
        selection = await select(door, options, findings, target)
        refuse_final(selection, "verify")
        selection = await without_final(selection, target, options, findings, "verify")
        index = key_index(door, selection, DEDUPLICATION)
        for found in selection.chosen:
            line = await _verify_queue(door, target, found, index, findings, progress)
            report.queues.append(line)
    finish(report, findings)
    _conclude(report, findings, options)
    return report


async def _verify_queue(
    door: Door,
    target: Target,
    found: QueueFound,
    index: KeyIndex,
    findings: Findings,
    progress: Progress,
) -> QueueLine:
    queue = await target.queue(found.queue)
    checkpoint = await load(queue)
    found = checkpoint.recognised(found)
    line = await line_for(door, found, checkpoint)
    line.phase = checkpoint.phase
    await require_known(door, found.queue, checkpoint)
    allowed = {Phase.COPYING, Phase.LIVE}
    require(checkpoint, found.queue.key, allowed, "verify")
    mapper = await mapper_for(door, found.queue, checkpoint)
    verifier = Verifier(
        door, found, queue, mapper, findings, progress, checkpoint.released, checkpoint.compared,
        checkpoint.events_from, checkpoint.began, stored_until=checkpoint.stored_until,
        logged_until=checkpoint.logged_until,
    )  # fmt: skip
    await verifier.verify()
    fill_comparison(line, verifier)
    rules = RuleCheck(
        door, found.queue, queue, mapper, index, findings, live=checkpoint.released,
        counter=checkpoint.counter,
    )  # fmt: skip
    await rules.check()
    line.rules_different = rules.wrong
    for left, number in (await remaining(door, found)).items():
        line.states.setdefault(left.value, StateLine()).left = number
    return line


def _conclude(report: Report, findings: Findings, options: Options) -> None:
    lines = [line for queue in report.queues for line in queue.states.values()]
    equal = sum(line.equal or 0 for line in lines)
    moved = sum(line.moved_on or 0 for line in lines)
    left = sum(line.left or 0 for line in lines)
    counts = f"{counted(equal, 'job')} equal, {moved:,} moved on since, {left:,} left in Redis"
    if report.differing:
        report.verdict = Verdict.DIFFERENT
        report.summary = f"The sides differ in {report.differing:,} points: {counts}."
        report.next = command_line("rollback", options)
        return
    report.verdict = judge(findings)
    if left or findings.count(Severity.LEFT):
        report.verdict = Verdict.LEFT
    report.summary = f"Nothing is lost: {counts}."
    to_come = sum(
        line.left or 0
        for queue in report.queues
        for state, line in queue.states.items()
        if state not in FINISHED
    )
    report.next = command_line("run" if to_come else "finalize", options)


__all__ = ["verify"]
