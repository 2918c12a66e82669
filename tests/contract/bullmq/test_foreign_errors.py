"""Errors that a processor passes on from elsewhere fail its job, whatever they look like."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


class RateLimitError(Exception):
    """As the clients of many services raise it."""


class CodedError(Exception):
    """An error with a number of its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with code {code}")
        self.code = code


@pytest.mark.parametrize(
    "error", [RateLimitError("429"), CodedError(-1), CodedError(-2), CodedError(-6)], ids=repr
)
async def test_an_error_of_somebody_elses_fails_the_job(
    make: Makers, queue: Any, error: Exception
) -> None:
    async def process(job: Any, token: str) -> None:
        raise error

    await added(queue, 1)
    job, raised = await Heard(make.worker(queue, process), "failed").once()
    assert raised is error
    assert (await job.getState(), job.attemptsMade) == ("failed", 1)


async def test_another_job_that_is_gone_fails_the_job_that_asked_for_it(
    make: Makers, queue: Any
) -> None:
    other = await make.queue().add("other", {})
    await other.remove()

    async def process(job: Any, token: str) -> None:
        await other.updateProgress(50)

    await added(queue, 1)
    job, _ = await Heard(make.worker(queue, process), "failed").once()
    assert job.failedReason == f"Missing key for job {other.id}. updateProgress"
    assert await job.getState() == "failed"
