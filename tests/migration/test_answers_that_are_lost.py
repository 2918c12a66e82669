"""A connection that breaks after Redis has done what it was told, before it could say so."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import SourceError
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict
from bull2jet.source.handover_scripts import FREEZE, MOVE, RUN_ALL

from .conftest import NatsServer, RedisServer, free_port

JOBS = [f"w{number}" for number in range(8)]


class Wire:
    """Stands before a server, and swallows the answer to the next command that holds a text."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.swallowing = b""
        self._behind = port
        self._talks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", self.port):
            yield
            for talk in list(self._talks):
                talk.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        behind, forward = await asyncio.open_connection("127.0.0.1", self._behind)
        answers = asyncio.create_task(self._pass_on(behind, writer))
        try:
            while part := await reader.read(1_000_000):
                if self.swallowing and self.swallowing in part:
                    self.swallowing = b""
                    answers.cancel()
                    forward.write(part)
                    await behind.read(1)  # it is done
                    break
                forward.write(part)
        finally:
            answers.cancel()
            writer.close()
            forward.close()
            self._talks.discard(task)

    async def _pass_on(self, behind: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await behind.read(1_000_000):
            writer.write(part)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[RedisServer, Wire]]:
    """A cluster of one node, which tells its clients to come by way of a `Wire`."""
    bus = ("--cluster-port", str(free_port()))
    server = RedisServer("--cluster-enabled", "yes", "--dir", str(tmp_path), *bus)
    try:
        server.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in server.client.execute_command("CLUSTER", "INFO"):
            continue
        wire = Wire(server.port)
        server.client.config_set("cluster-announce-port", wire.port)
        yield server, wire
    finally:
        server.stop()
        with warnings.catch_warnings():  # the client leaves broken connections to the collector
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def fill(server: RedisServer) -> None:
    """A queue of waiting jobs, all of whose keys lie in one slot."""
    server.client.hset("{bull}:q:meta", mapping={"version": "bullmq:5.81.5"})
    fields = {"name": "work", "data": "{}", "opts": "{}", "timestamp": 1_790_000_000_000}
    for job_id in JOBS:
        server.client.hset(f"{{bull}}:q:{job_id}", mapping=fields)
    server.client.lpush("{bull}:q:wait", *JOBS)


@pytest.mark.parametrize("script", [FREEZE, MOVE], ids=["freeze", "move"])
async def test_a_cluster_is_not_told_again_to_hand_jobs_over_when_its_answer_is_lost(
    script: str, cluster: tuple[RedisServer, Wire], nats_server: NatsServer
) -> None:
    server, wire = cluster
    fill(server)
    options = Options(redis=f"redis+cluster://127.0.0.1:{wire.port}", to=nats_server.url, yes=True)
    async with wire.up():
        wire.swallowing = script.splitlines()[2].encode()
        with pytest.raises(SourceError):
            await run(options, Silent())
        for command in (run, verify):
            report = await command(options, Silent())
            assert report.verdict is Verdict.FINE, (report.summary, report.findings)
        assert sum(queue.jobs for queue in report.queues) == len(JOBS)


async def test_a_cluster_is_not_told_again_to_take_jobs_back_when_its_answer_is_lost(
    cluster: tuple[RedisServer, Wire], nats_server: NatsServer
) -> None:
    server, wire = cluster
    fill(server)
    options = Options(redis=f"redis+cluster://127.0.0.1:{wire.port}", to=nats_server.url, yes=True)
    async with wire.up():
        await run(options, Silent())
        wire.swallowing = RUN_ALL.splitlines()[3].encode()
        with pytest.raises(SourceError):
            await rollback(options, Silent())
        assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert server.client.lrange("{bull}:q:wait", 0, -1) == [i.encode() for i in reversed(JOBS)]
