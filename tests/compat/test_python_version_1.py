"""What callers of BullMQ for Python 0 and 1 pass: Queue(name, redisOpts, opts)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from jetbull import ConfigurationError, Queue, Worker

HOST = {"host": "localhost", "port": 6379}
URL = "redis://localhost:6379"
OPTIONS = {"prefix": "old", "defaultJobOptions": {"attempts": 3}}

pytestmark = pytest.mark.filterwarnings("ignore:jetbull keeps jobs in NATS")


@pytest.mark.parametrize(
    "made",
    [
        lambda: Queue("mail", HOST, OPTIONS),
        lambda: Queue("mail", URL, OPTIONS),
        lambda: Queue("mail", HOST, opts=OPTIONS),
        lambda: Queue("mail", redisOpts=HOST, opts=OPTIONS),
        lambda: Queue("mail", {}, OPTIONS),
    ],
    ids=["dictionary", "url", "opts by name", "both by name", "empty"],
)
async def test_the_connection_may_stand_before_the_options(
    made: Callable[[], Queue[Any, Any]],
) -> None:
    async with made() as queue, Worker("mail", None, {"prefix": "old"}) as worker:
        await queue.add("letter", {})
        job = await worker.getNextJob("token")
        assert job is not None
        assert (job.name, job.attempts) == ("letter", 3)


@pytest.mark.parametrize("where", [HOST, URL], ids=["dictionary", "url"])
async def test_the_connection_may_stand_alone(where: Any) -> None:
    async with Queue("mail", where) as queue:
        await queue.add("letter", {})
        assert await queue.getWaitingCount() == 1


def test_what_is_neither_options_nor_a_connection_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="opts is a dictionary, not 7"):
        Queue("mail", cast(Any, 7))
