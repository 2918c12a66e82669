"""The processor a worker process loads: `audibook.worker:worker`."""

from __future__ import annotations

from functools import cache
from typing import Any

from .processor import JobProcessor

__all__ = ["close", "worker"]


async def worker(job: Any, token: object = None) -> dict[str, Any]:
    """Process one job with a processor set up from the environment at the first job."""
    return await _processor()(job, token)


def close() -> None:
    """Let go of connections; the next job opens them again."""
    if _processor.cache_info().currsize:
        _processor().close()
        _processor.cache_clear()


@cache
def _processor() -> JobProcessor:
    return JobProcessor()
