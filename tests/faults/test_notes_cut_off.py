"""Notes where the store is full, and where their processes are killed."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from jetbull import FlowProducer, Queue
from jetbull.commands.inserting import finish_abandoned
from jetbull.errors import StoreError
from jetbull.server import EmbeddedServer

from .noted import left_notes


@pytest.mark.parametrize("way", ["bulk", "flow", "deduplicated"])
async def test_what_a_full_account_refuses_is_not_stored_later(
    tmp_path: Path, name: str, way: str
) -> None:
    extra = {"jetstream": {"store_dir": str(tmp_path / "store"), "max_file_store": 2_000_000}}
    with EmbeddedServer(tmp_path / "node", extra=extra) as server:
        queue = Queue(name, {"connection": server.url})
        producer = FlowProducer(server.url)
        node = {"name": "job", "queueName": name, "data": "x" * 20_000}

        async def add(number: int) -> None:
            if way == "bulk":
                await queue.addBulk([{"name": "job", "data": node["data"]} for _ in range(3)])
            elif way == "flow":
                await producer.add({**node, "children": [node, node]})
            else:
                only = {"deduplication": {"id": f"only {number}"}}
                await queue.add("job", node["data"], only)

        added: list[int] = []

        async def fill() -> None:
            for number in range(200):
                await add(number)
                added.append(number)

        with pytest.raises(StoreError, match=r"insufficient|exceeded|resource"):
            await fill()
        store = await queue.ledger()
        await finish_abandoned(store, 0)
        assert await left_notes(store) == []
        assert await queue.getJobCountByTypes() == len(added) * (1 if way == "deduplicated" else 3)
        assert await queue.getDeduplicationJobId(f"only {len(added)}") is None
        await producer.close()
        await queue.close()


_ADDING = """
import asyncio, sys
from itertools import count
from jetbull import FlowProducer, Queue

async def main(url, name, tag):
    queue, flows = Queue(name, {"connection": url}), FlowProducer(url)
    node = lambda tag: {"name": "job", "queueName": name, "data": [tag, 4]}

    async def bulks(lane):
        for n in count():
            await queue.addBulk([node(f"bulk {tag} {lane} {n}")] * 4)

    async def trees(lane):
        for n in count():
            flow = node(f"flow {tag} {lane} {n}")
            await flows.add({**flow, "children": [flow] * 3})

    async def owners():
        for n in count():
            only = {"deduplication": {"id": f"{tag} {n}"}}
            await queue.add("job", [f"owner {tag} {n}", 1], only)

    await queue.waitUntilReady()
    print("ready", flush=True)
    await asyncio.gather(bulks(1), bulks(2), trees(1), trees(2), owners())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_killed_processes_were_adding_is_whole(queue: Queue) -> None:
    chance = random.Random(3)
    store = await queue.ledger()
    there = 0
    for number in range(4):
        command = [sys.executable, "-c", _ADDING, queue.opts["connection"], queue.name, str(number)]
        child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert child.stdout is not None
        await child.stdout.readline()
        enough = there + 160  # however slow the machine; a part has four jobs at the most
        while there < enough:
            there = await queue.getJobCountByTypes()
        await asyncio.sleep(chance.uniform(0.05, 0.3))
        child.kill()
        await child.wait()
    await finish_abandoned(store, 0)
    async with asyncio.timeout(20):
        while await left_notes(store):  # what a killed process sent last may have come since
            await finish_abandoned(store, 0)
    jobs = [*await queue.getWaiting(), *await queue.getWaitingChildren()]
    parts = Counter((str(job.data[0]), int(job.data[1])) for job in jobs)
    assert len(parts) > 100
    assert [tag for (tag, whole), count in parts.items() if count != whole] == []
