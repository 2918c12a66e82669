"""What a run finds and leaves behind."""

from __future__ import annotations

from bull2jet.commands.plan import plan
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Report, Verdict

from .working import worker_on


async def left(options: Options) -> list[tuple[str, str]]:
    """What a run leaves behind; it says so by its exit code, and the rest is equal."""
    planned = await plan(options, Silent())
    report = await run(options, Silent())
    found = problems(report)
    assert report.verdict is (Verdict.LEFT if found else Verdict.FINE), report.summary
    assert set(found) <= set(problems(planned))
    checked = await verify(options, Silent())
    assert checked.differing == 0, checked.findings
    for finding in report.findings:
        assert "\n" not in finding.line()
    return found


def problems(report: Report) -> list[tuple[str, str]]:
    return sorted((f.code, f.job) for f in report.findings if f.severity == "left")


async def carried(options: Options, job_id: str) -> bool:
    async with worker_on(options, "q") as shift:
        return await shift.queue.getJob(job_id) is not None
