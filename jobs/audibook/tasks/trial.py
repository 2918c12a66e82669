"""`test-job`: wait a moment and give the message back, to see that jobs pass."""

from __future__ import annotations

import anyio

from audibook.attempt import Attempt
from audibook.messages import Trial, TrialDone
from audibook.services import Services

__all__ = ["trial"]

_TAKES_S = 2.0


async def trial(services: Services, attempt: Attempt, data: Trial) -> TrialDone:
    """Take two seconds, as a job does that works."""
    await anyio.sleep(_TAKES_S)
    await attempt.progress(100)
    return TrialDone(message=data.message)
