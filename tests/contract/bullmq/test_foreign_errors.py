"""Errors that a processor passes on from elsewhere fail its job, whatever they look like."""

from __future__ import annotations

from typing import Any

from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


class RateLimitError(Exception):
    """As the clients of many services raise it."""


async def test_a_rate_limit_error_of_somebody_elses_fails_the_job(make: Makers, queue: Any) -> None:
    error = RateLimitError("429")

    async def process(job: Any, token: str) -> None:
        raise error

    await added(queue, 1)
    job, raised = await Heard(make.worker(queue, process), "failed").once()
    assert raised is error
    assert (await job.getState(), job.attemptsMade) == ("failed", 1)
