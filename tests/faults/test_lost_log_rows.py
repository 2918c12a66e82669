"""Log rows whose answer is lost."""

from __future__ import annotations

import asyncio

from jetbull import Queue
from jetbull.server import EmbeddedServer

from .proxy import Proxy


async def test_a_row_whose_answer_was_lost_is_stored_once(
    server: EmbeddedServer, name: str
) -> None:
    async with (
        Proxy(server.port) as proxy,
        Queue(name, {"connection": server.url}) as queue,
        Queue(name, {"connection": proxy.url}) as far,
    ):
        job = await queue.add("job", 0)
        await far.addJobLog(job.id, "first")
        proxy.hold_message(b"PUB jbl.")
        logging = asyncio.ensure_future(far.addJobLog(job.id, "second"))
        async with asyncio.timeout(20):
            await proxy.holding.wait()
            proxy.drop_answers()
            proxy.let_go()
            while (await queue.getJobLogs(job.id))["count"] < 2:
                await asyncio.sleep(0)
            proxy.heal()
            assert await logging == 2
        assert (await queue.getJobLogs(job.id))["logs"] == ["first", "second"]
