"""`bull2jet finalize`: archives what was carried, then removes it from Redis. No way back."""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass
from pathlib import Path

from bull2jet.commands.asking import confirm
from bull2jet.commands.opening import nats_of, redis_of
from bull2jet.commands.reporting import begin, finish, judge
from bull2jet.commands.selecting import key_index, line_for, select
from bull2jet.commands.tallying import fill_comparison
from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.formats import counted
from bull2jet.report.lines import QueueLine, Report
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.key_index import KeyIndex
from bull2jet.source.lease import held_lease
from bull2jet.source.probing import require_rights
from bull2jet.source.remaining import remaining
from bull2jet.source.schedulers import read_schedulers
from bull2jet.target.protocol import Target, TargetQueue
from bull2jet.transfer.archive import remove_keys, write_archive
from bull2jet.transfer.belonging import require_known
from bull2jet.transfer.checkpoint import Checkpoint, Phase, load, require, save
from bull2jet.transfer.queue_wide import mapper_for
from bull2jet.transfer.verify import Verifier

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


async def finalize(options: Options, progress: Progress) -> Report:
    """Removes the carried jobs of the chosen queues from Redis."""
    report = begin("finalize", options, with_target=True)
    findings = Findings()
    async with redis_of(options, writable=True) as door, nats_of(options) as target:
        selection = await select(door, options, findings, target)
        await require_rights(door, [found.queue for found in selection.chosen])
        if options.archive is not None and len(selection.chosen) > 1:
            raise NotGoError("--archive names one file; choose one queue with --queues.")
        index = key_index(door, selection)
        for found in selection.chosen:
            await confirm("finalize", found.queue, options)
            work = _Finalizing(door, target, found, index, options, findings, progress)
            report.queues.append(await work.finalize())
    for queue in selection.final:
        text = "its migration is final already; Redis holds nothing of it any more."
        findings.add(Finding(Severity.NOTE, "already-final", text, queue.key))
    finish(report, findings)
    report.verdict = judge(findings)
    report.summary = "The migration is final: what was carried is archived and gone from Redis."
    if not selection.chosen:
        report.summary = "The migration is final already: nothing was changed."
    return report


@dataclass(slots=True)
class _Finalizing:
    door: Door
    target: Target
    found: QueueFound
    #: the keys of all queues
    index: KeyIndex
    options: Options
    findings: Findings
    progress: Progress

    async def finalize(self) -> QueueLine:
        """Compares, archives, notes that it is final, removes; a broken-off removal goes on."""
        door, queue = self.door, await self.target.queue(self.found.queue)
        checkpoint = await load(queue)
        if checkpoint.phase is not Phase.FINAL or checkpoint.late:
            await require_known(door, self.found.queue, checkpoint)
        require(checkpoint, self.found.queue.key, {Phase.LIVE, Phase.FINAL}, "finalize")
        if checkpoint.phase is Phase.LIVE:
            self.found = checkpoint.recognised(self.found)
        line = await line_for(door, self.found, checkpoint)
        line.phase = Phase.FINAL
        async with held_lease(door, self.found.queue, "finalize") as lease:
            if checkpoint.phase is Phase.LIVE or checkpoint.late:
                await self._compare(queue, checkpoint, line)
                await self._archive()
                await queue.free_room()
                await save(
                    queue, checkpoint, phase=Phase.FINAL, source=str(door.address), late=False
                )
            handover = Handover(door, self.found, lease)
            removed = await remove_keys(door, self.found, self.index, handover)
        self._note("archived", Severity.NOTE, f"{removed:,} keys were removed from Redis.")
        left = sum((await remaining(door, self.found)).values())
        if left:
            what = counted(left, "job")
            text = f"{what} never carried: left in Redis, with the queue's own keys."
            self._note("left-behind", Severity.LEFT, text)
        schedules = await read_schedulers(door, self.found.queue)
        self.findings.extend(f for f in schedules.findings if f.severity is Severity.LEFT)
        return line

    async def _compare(self, queue: TargetQueue, checkpoint: Checkpoint, line: QueueLine) -> None:
        door, found = self.door, self.found
        mapper = await mapper_for(door, found.queue, checkpoint)
        verifier = Verifier(
            door, found, queue, mapper, self.findings, self.progress, checkpoint.released,
            checkpoint.compared, checkpoint.events_from, checkpoint.began, checkpoint.late,
            stored_until=checkpoint.stored_until, logged_until=checkpoint.logged_until,
        )  # fmt: skip
        await verifier.verify()
        fill_comparison(line, verifier)
        if checkpoint.verified is None or not verifier.clean:
            raise NotGoError(
                f"The queue {found.queue.key} does not verify, so nothing is removed; see "
                "`bull2jet verify`."
            )

    async def _archive(self) -> None:
        path = self.options.archive or _default_archive(self.found)
        keys = await write_archive(self.door, self.found, self.index, path)
        text = f"{keys:,} keys of {self.found.queue.key} are archived in {path}."
        self.progress.say(text)
        self._note("archive", Severity.NOTE, text)

    def _note(self, code: str, severity: Severity, text: str) -> None:
        self.findings.add(Finding(severity, code, text, self.found.queue.key))


def _default_archive(found: QueueFound) -> Path:
    """A free file name; those of several queues may differ only in what is replaced."""
    name = _UNSAFE.sub("-", found.queue.key).strip("-")
    stem = f"bull2jet-{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(path for name in names if not (path := Path(f"{name}.jsonl.gz")).exists())


__all__ = ["finalize"]
