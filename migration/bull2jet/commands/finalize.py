"""`bull2jet finalize`: archives what was carried, then removes it from Redis. No way back."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from bull2jet.commands.asking import confirm
from bull2jet.commands.reporting import begin, finish, judge
from bull2jet.commands.selecting import Selection, line_for, select
from bull2jet.commands.tallying import fill_comparison
from bull2jet.errors import NotGoError
from bull2jet.findings import Finding, Findings, Severity
from bull2jet.options import Options
from bull2jet.progress import Progress
from bull2jet.report.lines import QueueLine, Report
from bull2jet.source.address import parse
from bull2jet.source.discovery import QueueFound, current_types
from bull2jet.source.door import Door, open_door
from bull2jet.source.handover import Handover
from bull2jet.source.lease import held_lease
from bull2jet.target.jetstream import open_target
from bull2jet.target.protocol import Target
from bull2jet.transfer.archive import left_behind, remove_keys, write_archive
from bull2jet.transfer.checkpoint import Phase, load, require, save
from bull2jet.transfer.furniture import mapper_for
from bull2jet.transfer.verify import Verifier

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


async def finalize(options: Options, progress: Progress) -> Report:
    """Removes the carried jobs of the chosen queues from Redis."""
    report = begin("finalize", options, with_target=True)
    findings = Findings()
    door = await open_door(parse(options.redis), writable=True)
    try:
        target = await open_target(options.to)
        try:
            selection = await select(door, options, findings)
            if options.archive is not None and len(selection.chosen) > 1:
                raise NotGoError("--archive names one file; choose one queue with --queues.")
            for found in selection.chosen:
                confirm("finalize", found.queue, options)
                work = _Finalizing(door, target, found, selection, options, findings, progress)
                report.queues.append(await work.finalize())
        finally:
            await target.close()
    finally:
        await door.close()
    finish(report, findings)
    report.verdict = judge(findings)
    report.summary = "The migration is final: what was carried is archived and gone from Redis."
    return report


@dataclass(slots=True)
class _Finalizing:
    door: Door
    target: Target
    found: QueueFound
    selection: Selection
    options: Options
    findings: Findings
    progress: Progress

    async def finalize(self) -> QueueLine:
        found, door = self.found, self.door
        queue = await self.target.queue(found.queue)
        checkpoint = await load(queue)
        require(checkpoint, found.queue.key, {Phase.LIVE}, "finalize")
        siblings = [other.key for other in self.selection.known]
        line = await line_for(door, found)
        async with held_lease(door, found.queue, "finalize") as lease:
            mapper = await mapper_for(door, found.queue, checkpoint)
            verifier = Verifier(door, found, queue, mapper, self.findings, self.progress, live=True)
            await verifier.verify()
            fill_comparison(line, verifier)
            if checkpoint.verified is None or not verifier.clean:
                raise NotGoError(
                    f"The queue {found.queue.key} does not verify, so nothing is removed; see "
                    "`bull2jet verify`."
                )
            now = QueueFound(found.queue, found.generation, await current_types(door, found.queue))
            left = await left_behind(door, now)
            path = self.options.archive or _default_archive(found)
            keys = await write_archive(door, now, siblings, path)
            self.progress.say(f"{keys:,} keys of {found.queue.key} are archived in {path}")
            removed = await remove_keys(door, now, siblings, Handover(door, found, lease))
            await save(queue, checkpoint, phase=Phase.FINAL)
        line.phase = Phase.FINAL
        self._note(path, removed, left)
        return line

    def _note(self, path: Path, removed: int, left: int) -> None:
        queue = self.found.queue.key
        text = f"{removed:,} keys were removed; they are archived in {path}."
        self.findings.add(Finding(Severity.NOTE, "archived", text, queue))
        if left:
            self.findings.add(
                Finding(
                    Severity.LEFT,
                    "left-behind",
                    f"{left:,} jobs were never carried and stay in Redis, with the queue's own "
                    "keys.",
                    queue,
                )
            )


def _default_archive(found: QueueFound) -> Path:
    name = _UNSAFE.sub("-", found.queue.key).strip("-")
    return Path(f"bull2jet-{name}-{time.strftime('%Y%m%d-%H%M%S')}.jsonl.gz")


__all__ = ["finalize"]
