"""The report as one HTML page: no scripts, nothing loaded from elsewhere, prints well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from html import escape

from bull2jet.findings import Severity
from bull2jet.report.as_json import canonical, document
from bull2jet.report.as_text import heading, table
from bull2jet.report.formats import counted, lasting, moment, shown
from bull2jet.report.lines import QueueLine, Report, Verdict

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d0d7de}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #eaeef2;
font-variant-numeric:tabular-nums}
th:first-child,td:first-child,.text td{text-align:left}
.verdict{padding:.8rem 1rem;border-left:.4rem solid;background:#f6f8fa}
.fine{border-color:#1a7f37}.left{border-color:#9a6700}.bad{border-color:#cf222e}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}small{color:#57606a}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}
.verdict{background:#161b22}th,td{border-color:#30363d}small{color:#9198a1}}
"""


def page(report: Report) -> str:
    """The whole page."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    title = _safe(f"bull2jet {report.command}")
    kind = {Verdict.FINE: "fine", Verdict.LEFT: "left"}.get(report.verdict, "bad")
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<style>{_STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    yield f'<p class="verdict {kind}"><strong>{_safe(report.summary)}</strong><br>'
    yield f"Exit code {int(report.verdict)}.</p>"
    yield from _facts(report)
    for queue in report.queues:
        yield from _queue(queue)
    yield from _findings(report)
    if report.next:
        yield f"<h2>Next</h2><p><code>{_safe(report.next)}</code></p>"
    seal = hashlib.sha256(canonical(document(report))).hexdigest()
    yield f"<p><small>Seal of the JSON report: <code>sha256:{seal}</code></small></p>"
    yield "</body></html>"


def _facts(report: Report) -> Iterator[str]:
    rows = [("From", report.source), ("To", report.target or "-")]
    rows += [("Started", f"{moment(report.started)} UTC"), ("Took", lasting(report.seconds))]
    rows += [("bull2jet", report.version)]
    rows += [(key.replace("_", " "), str(value)) for key, value in report.server.items()]
    yield '<table class="text">'
    for name, value in rows:
        yield f"<tr><th>{_safe(name)}</th><td>{_safe(value)}</td></tr>"
    yield "</table>"


def _queue(queue: QueueLine) -> Iterator[str]:
    yield f"<h2>{_safe(queue.queue)}</h2>"
    facts = [queue.library, *queue.evidence]
    facts += ["paused"] if queue.paused else []
    facts += [f"concurrency {queue.concurrency}"] if queue.concurrency is not None else []
    facts += [f"rate {queue.rate}"] if queue.rate else []
    facts += [counted(queue.schedulers, "scheduler")] if queue.schedulers else []
    facts += [f"flows with {', '.join(queue.relatives)}"] if queue.relatives else []
    facts += [f"phase {queue.phase}"] if queue.phase else []
    if queue.rules_different:
        facts.append(f"{counted(queue.rules_different, 'rule')} differing")
    if queue.pause_predicted is not None:
        facts.append(f"predicted pause {lasting(queue.pause_predicted)}")
    if queue.pause_measured is not None:
        facts.append(f"measured pause {lasting(queue.pause_measured)}")
    yield f"<p>{_safe('; '.join(facts))}</p>"
    titles, *rows = table(queue)
    if rows:
        heads = "".join(f"<th>{_safe(title)}</th>" for title in titles)
        yield f"<table><tr>{heads}</tr>"
        for cells in rows:
            yield "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>"
        yield "</table>"
    yield from _digests(queue)
    if queue.next_due:
        yield '<h3>Next due</h3><table class="text">'
        for due in queue.next_due:
            cells = [f"{moment(due.due)} UTC", due.id, due.name]
            yield "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>"
        yield "</table>"


def _digests(queue: QueueLine) -> Iterator[str]:
    for name, state in queue.states.items():
        if state.digest:
            order = f", order <code>{state.order}</code>" if state.order else ""
            both = f"<code>{state.digest}</code>"
            if state.target_digest:
                both += f" in Redis, <code>{state.target_digest}</code> on the target"
            yield f"<p><small>{_safe(name)}: digest {both}{order}</small></p>"


def _findings(report: Report) -> Iterator[str]:
    for severity in Severity:
        found = [finding for finding in report.findings if finding.severity is severity]
        if not found:
            continue
        yield f"<h2>{_safe(heading(severity, report))} ({len(found):,})</h2>"
        yield '<table class="text"><tr><th>what</th><td>queue</td><td>job</td><td></td></tr>'
        for finding in found:
            cells = [finding.code, finding.queue, finding.job, finding.text]
            yield "<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>"
        yield "</table>"


def _safe(text: str) -> str:
    return escape(shown(text))


__all__ = ["page"]
