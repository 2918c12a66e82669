"""A server of a cluster that stood still and answers from what it knew before."""

from __future__ import annotations

from typing import Any

import pytest

from jetbull import Queue
from jetbull.ledger.store import replicas
from jetbull.ledger.wire import Stored, Wire


async def test_a_job_is_found_and_removed_although_the_copy_that_is_asked_lacks_it(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await queue.add("job", {})

    async def nothing(wire: Wire, stream: str, query: dict[str, Any]) -> list[Stored]:
        return []

    with monkeypatch.context() as patch:
        patch.setattr(replicas, "_PATIENCE", 0.0)
        patch.setattr(Wire, "is_clustered", True)
        patch.setattr(Wire, "get_batch", nothing)
        assert await job.isWaiting()
        assert await queue.remove(str(job.id), {"removeChildren": False}) == 1
    assert await queue.getJobState(str(job.id)) == "unknown"
