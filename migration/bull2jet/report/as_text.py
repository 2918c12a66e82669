"""The report for a terminal: plain aligned lines, the next command last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bull2jet.findings import Finding, Severity
from bull2jet.report.formats import counted, lasting, moment, shown, size
from bull2jet.report.lines import QueueLine, Report

_SHOWN = 20  # findings of one severity printed in full; the rest are in the JSON report


def _count(number: int | None) -> str:
    return f"{number or 0:,}"


#: field of a state's line, title, and how it is written
_COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("bytes", "bytes", size),
    ("largest", "largest", size),
    ("oldest", "oldest", moment),
    ("newest", "newest", moment),
    ("carried", "carried", _count),
    ("already", "already there", _count),
    ("left", "left behind", _count),
    ("equal", "equal", _count),
    ("moved_on", "moved on", _count),
    ("different", "different", _count),
    ("missing", "missing", _count),
)


def lines(report: Report) -> Iterator[str]:
    """The report, line by line."""
    yield f"bull2jet {report.command}  {shown(report.source)}" + (
        f" -> {shown(report.target)}" if report.target else ""
    )
    yield from _server(report)
    for queue in report.queues:
        yield ""
        yield from _queue(queue)
    yield from _findings(report)
    yield ""
    yield f"{report.summary} ({lasting(report.seconds)}, exit code {int(report.verdict)})"
    if report.next:
        yield f"Next: {report.next}"


def _server(report: Report) -> Iterator[str]:
    facts = report.server
    if facts:
        parts = [f"{facts.get('product', '')} {facts.get('version', '')}".strip()]
        parts += [f"{facts.get('keys', 0):,} keys", size(int(facts.get("used_bytes", 0)))]
        if facts.get("eviction"):
            parts.append(f"eviction {facts['eviction']}")
        yield "  " + ", ".join(parts)


def _queue(queue: QueueLine) -> Iterator[str]:
    yield f"{shown(queue.queue)}  ({', '.join(_settings(queue))})"
    if queue.states:
        yield from _table(table(queue))
    extras = ", ".join(_extras(queue))
    if extras:
        yield f"  {extras}"
    if queue.next_due:
        yield "  next due:"
        for due in queue.next_due:
            yield f"    {moment(due.due)}  {shown(due.id)}  {shown(due.name)}"


def _settings(queue: QueueLine) -> Iterator[str]:
    """Who keeps the queue, what is set for it, and how far its migration is."""
    yield queue.library
    if queue.paused:
        yield "paused"
    if queue.concurrency is not None:
        yield f"concurrency {queue.concurrency}"
    if queue.rate:
        yield f"rate {queue.rate}"
    if queue.phase:
        yield f"phase {queue.phase}"


def _extras(queue: QueueLine) -> Iterator[str]:
    """What the queue has besides jobs, and how long it pauses."""
    if queue.schedulers:
        yield counted(queue.schedulers, "scheduler")
    if queue.deduplications:
        yield counted(queue.deduplications, "deduplication id")
    if queue.rules_different:
        yield f"{counted(queue.rules_different, 'rule')} differing"
    if queue.locked:
        yield f"{counted(queue.locked, 'active job')} held by a worker"
    if queue.relatives:
        yield f"flows with {', '.join(map(shown, queue.relatives))}"
    if queue.pause_predicted is not None:
        yield f"predicted pause {lasting(queue.pause_predicted)}"
    if queue.pause_measured is not None:
        yield f"measured pause {lasting(queue.pause_measured)}"


def table(queue: QueueLine) -> list[list[str]]:
    """Titles, then one row per state; columns in which nothing stands are left out."""
    states = queue.states.values()
    columns = [c for c in _COLUMNS if any(getattr(state, c[0]) for state in states)]
    titles = ["state", "jobs", *(title for _, title, _ in columns)]
    rows = [
        [name, f"{state.count:,}", *(form(getattr(state, field)) for field, _, form in columns)]
        for name, state in queue.states.items()
    ]
    return [titles, *rows]


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells)


def _findings(report: Report) -> Iterator[str]:
    for severity in Severity:
        found = [finding for finding in report.findings if finding.severity is severity]
        if not found:
            continue
        yield ""
        yield f"{heading(severity, report)} ({len(found):,}):"
        for number, finding in enumerate(found[:_SHOWN], 1):
            yield f"  {number}. {_one(finding)}"
        if len(found) > _SHOWN:
            yield f"  ... and {len(found) - _SHOWN:,} more; the JSON report (--report) lists them"


def _one(finding: Finding) -> str:
    where = " ".join(part for part in (finding.queue, finding.job and f"job {finding.job}") if part)
    return shown(f"{finding.code}{f' [{where}]' if where else ''}: {finding.text}")


def heading(severity: Severity, report: Report) -> str:
    """What stands above the findings of a severity."""
    if severity is Severity.LEFT and report.differing:
        return "This differs between Redis and NATS, or is not carried and stays in Redis"
    return _HEADINGS[severity]


_HEADINGS = {
    Severity.STOP: "This stops the migration",
    Severity.LEFT: "This is not carried and stays in Redis",
    Severity.CHANGED: "This is carried with a change",
    Severity.NOTE: "Worth knowing",
}

__all__ = ["heading", "lines", "table"]
