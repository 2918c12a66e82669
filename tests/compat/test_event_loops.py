"""Old callers that run an event loop for each call and close nothing."""

from __future__ import annotations

import sys

from tests.compat.conftest import Run

CALLS = """
import asyncio, gc, os, jetbull
queue = jetbull.Queue("mail")

def files_after_a_call():
    asyncio.run(queue.add("letter", {}))
    gc.collect()
    return len(os.listdir("/dev/fd"))

first = files_after_a_call()
print([files_after_a_call() - first for _ in range(3)])
print(len(asyncio.run(queue.getJobs(["waiting"]))))
"""

LEFT_OPEN = """
import asyncio, os, jetbull, jetbull.testing
from jetbull.connection import target_of
from jetbull.ledger.hub import acquire
from jetbull.ledger.streams.streams import all_prefix_streams
queue = jetbull.Queue("mail")
asyncio.run(queue.add("letter", {}))

async def later():
    async with jetbull.Queue("post") as other:
        await other.add("parcel", {})
    await jetbull.testing.flush()
    hold = await acquire(target_of(None))
    print(await all_prefix_streams(hold.wire))
    await hold.release()

asyncio.run(later())
"""


def test_one_loop_for_each_call_leaves_one_connection_open_not_one_for_each(run: Run) -> None:
    assert run(sys.executable, "-c", CALLS).stdout.split("\n")[:2] == ["[0, 0, 0]", "4"]


def test_the_server_hears_that_a_loop_with_an_open_queue_has_ended(run: Run) -> None:
    assert run(sys.executable, "-c", LEFT_OPEN).stdout.strip() == "[]"
