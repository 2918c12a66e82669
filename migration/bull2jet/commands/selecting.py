"""Which queues a command works on."""

from __future__ import annotations

from dataclasses import dataclass

from bull2jet.errors import NotGoError
from bull2jet.findings import Findings, Severity
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.report.lines import QueueLine
from bull2jet.source.discovery import QueueFound, discover
from bull2jet.source.door import Door
from bull2jet.source.settings import read_settings
from bull2jet.transfer.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen queues, and all that there are."""

    chosen: tuple[QueueFound, ...]
    known: tuple[QueueRef, ...]

    @property
    def partial(self) -> bool:
        return len(self.chosen) < len(self.known)


async def select(door: Door, options: Options, findings: Findings) -> Selection:
    """Finds the queues; `NotGoError` when nothing can be worked on."""
    discovery = await discover(door, options.prefixes)
    wanted = set(options.queues)
    chosen = tuple(
        found
        for found in discovery.queues
        if not wanted or found.queue.name in wanted or found.queue.key in wanted
    )
    names = {name for found in chosen for name in (found.queue.name, found.queue.key)}
    missing = sorted(wanted - names)
    if missing:
        raise NotGoError(
            f"No queue is called {missing[0]!r} in {door.address}; check --queues, --prefix and "
            "the database number."
        )
    if not chosen:
        raise NotGoError(f"No queue of Bull or BullMQ was found in {door.address}.")
    keys = {found.queue.key for found in chosen}
    findings.extend(finding for finding in discovery.findings if finding.queue in keys)
    return Selection(chosen, tuple(found.queue for found in discovery.queues))


def stop_if_needed(findings: Findings) -> None:
    """`NotGoError` with the first finding that stops the migration."""
    stopping = findings.of(Severity.STOP)
    if stopping:
        more = f" ({len(stopping) - 1} more; see `bull2jet plan`)" if len(stopping) > 1 else ""
        raise NotGoError(f"{stopping[0].queue}: {stopping[0].text}{more}")


async def line_for(
    door: Door, found: QueueFound, checkpoint: Checkpoint | None = None
) -> QueueLine:
    """A report line with the queue's own facts, no states yet.

    A queue that bull2jet has frozen counts as paused only if its users had paused it.
    """
    settings = await read_settings(door, found.queue)
    before = None if checkpoint is None else checkpoint.began_paused
    return QueueLine(
        queue=found.queue.key,
        library=found.generation.label,
        evidence=found.generation.evidence,
        paused=settings.paused if before is None else before,
        concurrency=settings.concurrency,
        rate=f"{settings.max} per {settings.duration} ms" if settings.max is not None else None,
        counter=settings.counter,
    )


__all__ = ["Selection", "line_for", "select", "stop_if_needed"]
