"""What was noticed about the source: each problem has a name, a place and a remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

_KEPT = 10_000  # of each code


class Severity(StrEnum):
    """What a finding means for the migration."""

    #: the run does not start
    STOP = "stop"
    #: this item stays behind in Redis
    LEFT = "left"
    #: this item is carried, but not exactly as it was
    CHANGED = "changed"
    #: worth knowing, nothing is lost
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One noticed thing. `code` is stable, `text` is one sentence for the operator."""

    severity: Severity
    code: str
    text: str
    queue: str = ""
    job: str = ""

    def line(self) -> str:
        """The finding as one line of a report."""
        where = " ".join(part for part in (self.queue, self.job and f"job {self.job!r}") if part)
        return f"[{self.severity}] {self.code}{f' ({where})' if where else ''}: {self.text}"


class Findings:
    """All findings of a command: every one is counted, so many of each code are kept in full."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._seen: set[Finding] = set()
        self.counts: Counter[tuple[Severity, str]] = Counter()

    def add(self, finding: Finding) -> None:
        """Notes a finding; the same one twice counts once."""
        if finding in self._seen:
            return
        number = (finding.severity, finding.code)
        self.counts[number] += 1
        if self.counts[number] <= _KEPT:
            self._kept.append(finding)
            self._seen.add(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Notes several findings."""
        for finding in findings:
            self.add(finding)

    def __iter__(self) -> Iterator[Finding]:
        """Those kept, the gravest first, otherwise as they came."""
        order = list(Severity)
        return iter(sorted(self._kept, key=lambda finding: order.index(finding.severity)))

    def of(self, *severities: Severity) -> list[Finding]:
        """The kept findings of these severities."""
        return [finding for finding in self if finding.severity in severities]

    def count(self, *severities: Severity) -> int:
        """How many findings of these severities there were, kept or not."""
        return sum(n for (severity, _), n in self.counts.items() if severity in severities)


__all__ = ["Finding", "Findings", "Severity"]
