"""Whatever a library left in Redis arrives on the target, complete, in order, and comes back."""

from __future__ import annotations

import pytest

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import Load

ALL = [
    "bull-3", "bull-4", "bullmq-1", "bullmq-2", "bullmq-3", "bullmq-4", "bullmq-5", "bullmq-6",
    "bullmq-python",
]  # fmt: skip


@pytest.mark.parametrize("dump", ALL)
async def test_everything_but_a_held_job_is_carried_and_equal(
    dump: str, load: Load, options: Options
) -> None:
    load(dump)
    report = await run(options, Silent())
    left = [f for f in report.findings if f.severity == "left"]
    assert [(f.code, f.job) for f in left] == [("still-active", "held-with-lock")]
    assert report.verdict is Verdict.LEFT
    for queue in report.queues:
        assert queue.phase == "live"
        for state in queue.states.values():
            assert not state.different and not state.missing
            assert state.in_order is not False
            assert (state.equal or 0) == (state.carried or 0)
    again = await verify(options, Silent())
    assert again.verdict is Verdict.LEFT
