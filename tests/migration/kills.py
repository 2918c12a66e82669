"""Two hundred kills: `python -m tests.migration.kills [NUMBER]`; minutes, so not part of the tests.

Runs and rollbacks of a mixed queue are ended by SIGKILL at random moments. After every few kills
the migration is finished, verified, worked off by a real worker (each job exactly once) or brought
back and compared with what Redis held at first. Prints a table; the exit code is 0 if all is well.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import NotGoError
from bull2jet.options import ActivePolicy, Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.address import parse
from bull2jet.source.door import open_door

from .commands import command
from .conftest import NatsServer, RedisServer, make_jobs
from .reading import Snapshot, snapshot
from .working import worker_on

JOBS = 400  # waiting; twice as many in all states
PER_ROUND = 8


class Killing:
    """One experiment; `hits` counts kills by command and by how far it had come."""

    def __init__(self, server: RedisServer, nats: NatsServer, seed: int) -> None:
        self.client: Any = server.client
        self.options = Options(
            redis=server.url, to=nats.url, active=ActivePolicy.TAKE_OVER, yes=True, batch=50
        )
        self.dice = random.Random(seed)
        self.hits: Counter[tuple[str, str]] = Counter()
        self.problems: list[str] = []
        self.rounds = 0

    async def round(self, kills: int) -> None:
        """A fresh queue, some kills, then the proof that nothing is missing and nothing double."""
        self.rounds += 1
        self.client.flushall()
        make_jobs(self.client, JOBS)
        before = await self._redis()
        for _ in range(kills):
            self._kill(self.dice.choice(["run", "run", "rollback"]))
        await self._finish()
        if self.rounds % 2:
            await self._work_off()
            return
        await rollback(self.options, Silent())
        if await self._redis() != before:
            self.problems.append(f"round {self.rounds}: Redis differs after the way back")

    async def _redis(self) -> Snapshot:
        door = await open_door(parse(self.options.redis))
        try:
            return await snapshot(door)
        finally:
            await door.close()

    def _kill(self, name: str) -> None:
        """Starts a command and kills it a moment after it has begun to work."""
        words = command(name, self.options.redis, "--to", self.options.to, "--batch", "50")
        words += ["--progress", "none", *(["--yes"] if name == "rollback" else [])]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not self.client.exists("bull:q:bull2jet:lease"):
            time.sleep(0.002)
        time.sleep(self.dice.uniform(0, 1.2))
        process.kill()
        code = process.wait()
        self.hits[name, self._progress() if code < 0 else "had ended before"] += 1

    def _progress(self) -> str:
        taken = self.client.llen("bull:q:bull2jet:wait")
        if taken == 0:
            return "no waiting job taken over"
        return "all taken over" if taken == JOBS else "some taken over"

    async def _finish(self) -> None:
        try:
            await run(self.options, Silent())
        except NotGoError:  # a rollback was killed: that comes first
            await rollback(self.options, Silent())
            await run(self.options, Silent())
        checked = await verify(self.options, Silent())
        equal = sum(line.equal or 0 for line in checked.queues[0].states.values())
        if checked.verdict is not Verdict.FINE or equal != 2 * JOBS:
            self.problems.append(f"round {self.rounds}: {checked.summary}")

    async def _work_off(self) -> None:
        """Every waiting job runs once, in order."""
        wanted = [f"w{n}" for n in range(1, JOBS + 1)]
        async with worker_on(self.options, "q") as shift:
            await shift.until(*wanted)
            ran = [job_id for job_id in shift.taken if job_id.startswith("w")]
            await shift.queue.obliterate(force=True)
        if ran != wanted:
            self.problems.append(f"round {self.rounds}: ran {len(ran)} jobs, not {len(wanted)}")


async def main(number: int) -> int:
    """So many kills; 0 when no job was lost or doubled."""
    with tempfile.TemporaryDirectory() as folder:
        server, nats = RedisServer(), NatsServer(Path(folder))
        killing = Killing(server, nats, seed=number)
        began = time.monotonic()
        try:
            for start in range(0, number, PER_ROUND):
                await killing.round(min(PER_ROUND, number - start))
        finally:
            nats.stop()
            server.stop()
    for (name, state), times in sorted(killing.hits.items()):
        print(f"| {name} | {state} | {times} |")
    for problem in killing.problems:
        print(problem)
    total, minutes = sum(killing.hits.values()), (time.monotonic() - began) / 60
    print(f"{total} kills, {killing.rounds} migrations of {2 * JOBS} jobs, {minutes:.0f} minutes, "
          f"{len(killing.problems)} problems")  # fmt: skip
    return 1 if killing.problems else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
