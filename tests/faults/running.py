"""One fault from start to verdict."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from tests.faults.catalogue import Fault
from tests.faults.checker import Findings, check
from tests.faults.stage import Stage

__all__ = ["Result", "perform"]


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of one fault came to."""

    fault: str
    seed: int
    times: int
    findings: Findings
    recovery: float
    exits: list[int] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Everything that broke a promise."""
        return self.findings.problems

    def told(self) -> str:
        """One line, and one for each problem; enough to run it again."""
        f = self.findings
        lines = [
            f"{self.fault} --seed {self.seed}: injected {self.times}, jobs {f.jobs}, lost {f.lost},"
            f" recorded twice {f.twice}, extra runs {f.extra_runs}, recovery {self.recovery:.1f} s"
        ]
        return "\n".join([*lines, *(f"    {problem}" for problem in self.problems[:12])])


async def perform(fault: Fault, seed: int, keep: Path | None = None) -> Result:
    """Runs a fault and checks every promise; files stay in `keep` when given."""
    with tempfile.TemporaryDirectory(prefix="jetbull-faults-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        async with Stage(
            folder,
            seed,
            nodes=fault.nodes,
            sync=fault.sync,
            extra=fault.extra,
            first=fault.first,
        ) as stage:
            await stage.some_time(0.5, 1.0)
            times = await fault.inject(stage)
            recovery = await stage.recovered(time())
            await stage.producers.stop()
            live = await stage.settled()
            exits = await _dismissed(stage)
            findings = await check(stage, live, promoted=fault.promotes)
    if recovery > fault.within:
        findings.say(f"all workers consumed again after {recovery:.1f} s, not {fault.within:g} s")
    if any(exits):
        findings.say(f"workers told to stop ended with {exits}")
    return Result(fault.name, seed, times, findings, recovery, exits)


async def _dismissed(stage: Stage) -> list[int]:
    try:
        return await stage.workers.stop()
    except TimeoutError:
        return [-1]
    finally:
        await asyncio.sleep(0)
