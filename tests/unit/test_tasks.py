"""Tasks of the library's own."""

from __future__ import annotations

import asyncio
from typing import Any

from jetbull.tasks import background


async def test_the_loops_factory_is_not_asked_since_it_may_begin_at_once() -> None:
    begun = []

    async def work() -> str:
        begun.append("work")
        return "done"

    def at_once(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
        raise AssertionError("a factory such as asyncio.eager_task_factory was asked")

    loop = asyncio.get_running_loop()
    loop.set_task_factory(at_once)
    try:
        task = background(work())
        assert begun == []
    finally:
        loop.set_task_factory(None)
    assert await task == "done"
