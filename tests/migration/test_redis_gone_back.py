"""A Redis that comes back with an older copy of its data, after jobs were carried out of it."""

from __future__ import annotations

from typing import Any

import pytest

from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import NotGoError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.handover import Handover

from .conftest import put_job
from .working import queue_of, worker_on


def copy_of(client: Any) -> dict[bytes, bytes]:
    return {key: client.dump(key) for key in client.scan_iter() if not key.endswith(b":lease")}


async def test_jobs_that_an_older_copy_lists_again_do_not_run_again(
    client: Any, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Handover.claim
    saved: dict[bytes, bytes] = {}

    async def claiming(self: Handover, *what: Any) -> list[str]:
        saved.update(copy_of(client) if not saved else {})
        return await claim(self, *what)

    for number in range(1, 9):
        put_job(client, f"w{number}", opts='{"removeOnComplete":true}')
    monkeypatch.setattr(Handover, "claim", claiming)
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with worker_on(options, "q") as shift:
        await shift.until(*(f"w{number}" for number in range(1, 9)))
    client.flushall()
    for key, value in saved.items():
        client.restore(key, 0, value)
    with pytest.raises(NotGoError, match="restored from a backup"):
        await run(options, Silent())
    assert (await verify(options, Silent())).verdict is Verdict.DIFFERENT
    async with queue_of(options, "q") as queue:
        assert await queue.getWaitingCount() == 0
