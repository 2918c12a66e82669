"""A bridge of many queues costs little while nobody adds anything."""

from __future__ import annotations

from typing import Any

import pytest

from bull2jet.commands.run import run
from bull2jet.findings import Findings
from bull2jet.model import Scheduler
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.source.discovery import discover
from bull2jet.source.door import Door
from bull2jet.source.handover import Handover
from bull2jet.source.lease import held_lease
from bull2jet.target.jetstream import JetStreamQueue, open_target
from bull2jet.transfer.mapping import Mapper
from bull2jet.transfer.sweeping import Sweeper

from .conftest import put_job
from .reading import the


async def test_a_round_in_which_nothing_came_asks_redis_one_question(
    client: Any, options: Options, writing_door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(options, Silent())
    found = the(await discover(writing_door), "q")
    target = await open_target(options.to)
    queue = await target.queue(found.queue)
    questions = 0

    def counted(name: str) -> None:
        ask = getattr(Door, name)

        async def asking(self: Door, *args: Any, **more: Any) -> Any:
            nonlocal questions
            questions += 1
            return await ask(self, *args, **more)

        monkeypatch.setattr(Door, name, asking)

    async def schedulers(self: JetStreamQueue) -> list[Scheduler]:
        raise AssertionError("no scheduler has come")

    async with held_lease(writing_door, found.queue, "run") as lease:
        handover = Handover(writing_door, found, lease)
        mapper = Mapper(found.queue)
        sweeper = Sweeper(writing_door, found, queue, handover, mapper, Findings())
        counted("call")
        counted("calls")
        assert (await sweeper.sweep(), questions) == (0, 1)
        monkeypatch.setattr(JetStreamQueue, "schedulers", schedulers)
        put_job(client, "late")
        client.lpush("bull:q:paused", "late")
        assert await sweeper.sweep() == 1
    await target.close()
