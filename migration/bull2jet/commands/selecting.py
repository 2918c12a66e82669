"""Which queues a command works on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.model import QueueRef
from bull2jet.options import Options
from bull2jet.report.lines import QueueLine
from bull2jet.source.discovery import QueueFound, discover
from bull2jet.source.door import Door
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.settings import read_settings
from bull2jet.target.protocol import Target
from bull2jet.transfer.belonging import same_address
from bull2jet.transfer.checkpoint import Checkpoint, Phase, load_all, require


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen queues, and all that there are."""

    chosen: tuple[QueueFound, ...]
    known: tuple[QueueRef, ...]
    #: asked for and not in Redis any more, since their migration from there is final
    final: tuple[QueueRef, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether only some of the queues are meant."""
        return len(self.chosen) < len(self.known)


async def select(
    door: Door, options: Options, findings: Findings, target: Target | None = None
) -> Selection:
    """Finds the queues; `NotGoError` when nothing can be worked on.

    What Redis does not hold is looked for on the target, if one is given: it may be there for good.
    """
    discovery = await discover(door, options.prefixes)
    wanted = set(options.queues)
    chosen = tuple(
        found
        for found in discovery.queues
        if not wanted or found.queue.name in wanted or found.queue.key in wanted
    )
    names = {name for found in chosen for name in (found.queue.name, found.queue.key)}
    gone: dict[QueueRef, Checkpoint] = {}
    if target is not None and (wanted - names or not chosen):
        gone = await _made_final(target, options, {found.queue for found in chosen})
    address = str(door.address)
    final = tuple(queue for queue, made in gone.items() if same_address(made.source, address))
    names |= {name for queue in final for name in (queue.name, queue.key)}
    missing = sorted(wanted - names)
    elsewhere = "".join(
        f" The migration of {queue.key} from {made.source} is final."
        for queue, made in gone.items()
        if queue not in final
    )
    if missing:
        raise NotGoError(
            f"No queue is called {missing[0]!r} in {door.address}; check --queues, --prefix and "
            f"the database number.{elsewhere}"
        )
    if not chosen and not final:
        raise NotGoError(f"No queue of Bull or BullMQ was found in {door.address}.{elsewhere}")
    keys = {found.queue.key for found in chosen}
    findings.extend(finding for finding in discovery.findings if finding.queue in keys)
    return Selection(chosen, tuple(found.queue for found in discovery.queues), final)


async def _made_final(
    target: Target, options: Options, here: Collection[QueueRef]
) -> dict[QueueRef, Checkpoint]:
    """Those of the wanted queues whose migration, from wherever, is final."""
    return {
        queue: checkpoint
        for queue, checkpoint in (await load_all(target)).items()
        if checkpoint.phase is Phase.FINAL
        and queue not in here
        and (not options.prefixes or queue.prefix in options.prefixes)
        and (not options.queues or queue.name in options.queues or queue.key in options.queues)
    }


def key_index(door: Door, selection: Selection, family: str = "") -> KeyIndex:
    """The keys of the chosen queues, or those of one family: looked for once for all of them."""
    roots = [found.queue.key for found in selection.chosen]
    return KeyIndex(door, roots, [queue.key for queue in selection.known], family)


def refuse_final(selection: Selection, command: str) -> None:
    """`NotGoError` if a queue's migration is final and Redis has nothing of it."""
    for queue in selection.final:
        raise NotGoError(
            f"`bull2jet {command}` does not fit the queue {queue.key}: its migration is finalized, "
            "and Redis holds nothing of it any more."
        )


async def without_final(
    selection: Selection, target: Target, options: Options, findings: Findings, command: str
) -> Selection:
    """The selection without queues whose migration is final, though Redis holds something of them.

    `NotGoError` if they were asked for by name, or if there are no others.
    """
    stored = await load_all(target)
    final = {queue for queue, checkpoint in stored.items() if checkpoint.phase is Phase.FINAL}
    final &= {found.queue for found in selection.chosen}
    chosen = tuple(found for found in selection.chosen if found.queue not in final)
    for queue in sorted(final):
        if options.queues or not chosen:
            require(Checkpoint(Phase.FINAL), queue.key, set(), command)
        text = "its migration is final; what came to Redis since, `bull2jet run` carries."
        findings.add(Finding(Severity.LEFT, "already-final", text, queue.key))
    return replace(selection, chosen=chosen)


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


__all__ = [
    "Selection",
    "key_index",
    "line_for",
    "refuse_final",
    "select",
    "stop_if_needed",
    "without_final",
]
