"""The table of results, as docs/reliability.md shows it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.running import Result

__all__ = ["table"]


def table(results: Sequence[Result]) -> str:
    """One row per fault: runs of the same fault are added up, the slowest recovery counts."""
    rows = [
        "| Fault | times | jobs | lost | recorded twice | extra runs (stalls) | recovery | seeds |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name in dict.fromkeys(result.fault for result in results):
        runs = [result for result in results if result.fault == name]
        found = [run.findings for run in runs]
        recovery = max(run.recovery for run in runs)
        rows.append(
            f"| {name} | {sum(run.times for run in runs)} | {sum(f.jobs for f in found)} "
            f"| {sum(f.lost for f in found)} | {sum(f.twice for f in found)} "
            f"| {sum(f.extra_runs for f in found)} | {recovery:.1f} s "
            f"| {', '.join(str(run.seed) for run in runs)} |"
        )
    return "\n".join(rows)
