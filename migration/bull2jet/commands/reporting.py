"""Starting and finishing a report: clock, version, findings, the sentence at the end."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from importlib import metadata

from bull2jet.findings import Findings, Severity
from bull2jet.options import Options
from bull2jet.report.lines import Report, Verdict
from bull2jet.source.address import redacted
from bull2jet.source.server import ServerFacts


def begin(command: str, options: Options, *, with_target: bool) -> Report:
    """A report whose clock runs."""
    return Report(
        command=command,
        source=redacted(options.redis),
        target=redacted(options.to) if with_target else None,
        started=int(time.time() * 1000),
        version=metadata.version("jetbull"),
    )


def note_server(report: Report, facts: ServerFacts) -> None:
    """Puts what is known of the server into the report."""
    report.server = {key: value for key, value in asdict(facts).items() if value not in ("", 0)}


def finish(report: Report, findings: Findings) -> None:
    """Takes over the findings and stops the clock."""
    report.findings = list(findings)
    counts: dict[str, int] = {}
    for (_, code), number in findings.counts.items():
        counts[code] = counts.get(code, 0) + number
    report.finding_counts = counts
    report.seconds = round(time.time() - report.started / 1000, 3)


def judge(findings: Findings) -> Verdict:
    """The verdict that follows from the findings alone."""
    if findings.count(Severity.STOP):
        return Verdict.STOP
    return Verdict.LEFT if findings.count(Severity.LEFT) else Verdict.FINE


def command_line(command: str, options: Options) -> str:
    """The command to type next, with a placeholder for a login and the choices made so far."""
    words = ["bull2jet", command, redacted(options.redis)]
    if command != "inspect":
        words += ["--to", redacted(options.to)]
    for prefix in options.prefixes:
        words += ["--prefix", prefix]
    if options.queues:
        words += ["--queues", ",".join(options.queues)]
    if command in ("plan", "run"):
        words += _choices(options)
    return shlex.join(words)


def _choices(options: Options) -> list[str]:
    """What `plan` and `run` have in common, as far as it is not the default."""
    words: list[str] = []
    if options.states:
        words += ["--states", ",".join(options.states)]
    if options.history is not None:
        words += ["--history", str(options.history or "none")]
    for name in ("limit", "rate", "batch", "timezone"):
        value = getattr(options, name)
        if value != Options.model_fields[name].default:
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return [*words, "--partial-flows"] if options.partial_flows else words


__all__ = ["begin", "command_line", "finish", "judge", "note_server"]
