"""Records that stand beside the jobs they belong to."""

from __future__ import annotations

import asyncio

from jetbull import Queue
from jetbull.ledger.job.patches import read_patches

MORE_THAN_AN_ANSWER = 1_100


async def test_more_patches_are_read_than_come_in_one_answer(queue: Queue) -> None:
    store = await queue.ledger()
    ids = [f"job-{n}" for n in range(MORE_THAN_AN_ANSWER)]
    patches = (store.put(store.names.aux("patch", i), b"{}\n{}\n{}", {}) for i in ids)
    await asyncio.gather(*patches)
    assert (await read_patches(store, ids)).keys() == set(ids)
