"""Every way a Redis can be reached, and what bull2jet asks of it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme

from bull2jet.commands.finalize import finalize
from bull2jet.commands.inspect import inspect
from bull2jet.commands.plan import plan
from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.errors import SourceError
from bull2jet.options import ActivePolicy, Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import GOLDEN, NatsServer, RedisServer, free_port, load_dump, make_jobs

#: what Redis 5 knows (and what the client library sends to greet any server)
OF_REDIS_5 = frozenset(
    {
        "auth", "client|id", "client|list", "client|setinfo", "client|setname", "dbsize", "del",
        "eval", "exists", "get", "hdel", "hello", "hget", "hgetall", "hkeys", "hlen", "hmget",
        "hset", "hstrlen", "incrby", "info", "lindex", "llen", "lpop", "lpush", "lrange", "lrem",
        "pexpire", "ping", "psubscribe", "pttl", "punsubscribe", "rename", "rpop", "rpoplpush",
        "rpush", "sadd", "scan", "scard", "select", "set", "sismember", "smembers", "srandmember",
        "srem", "type", "unlink", "xlen", "xrange", "xread", "xrevrange", "zadd", "zcard", "zcount",
        "zrange", "zrangebyscore", "zrem", "zscore",
    }
)  # fmt: skip
#: the rights docs/migration.md asks for
RIGHTS = [
    "+@read", "+@write", "+@scripting", "+@connection", "+@pubsub", "-@dangerous", "-keys",
    "+info", "+dbsize", "+client|list",
]  # fmt: skip

Start = Callable[..., RedisServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts further servers with these options."""
    servers: list[RedisServer] = []

    def begin(*options: str, config: Path | None = None) -> RedisServer:
        servers.append(RedisServer(*options, config=config))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


async def whole_way(url: str, nats: NatsServer) -> None:
    """inspect, plan, run, verify, rollback, run, finalize: everything fine."""
    options = Options(redis=url, to=nats.url, yes=True)
    for command in (inspect, plan, run, verify, rollback, run, verify):
        report = await command(options, Silent())
        assert report.verdict is Verdict.FINE, (command, report.summary, report.findings)
        assert sum(queue.jobs for queue in report.queues) == 16


async def test_a_password_in_the_address(start: Start, nats_server: NatsServer) -> None:
    server = start()
    make_jobs(server.client, 8)
    server.client.config_set("requirepass", "p@ss:w/rd?")
    await whole_way(f"redis://:p%40ss%3Aw%2Frd%3F@127.0.0.1:{server.port}/0", nats_server)


async def test_an_acl_user_with_the_documented_rights(
    start: Start, nats_server: NatsServer
) -> None:
    server = start()
    make_jobs(server.client, 8)
    server.client.execute_command(
        "ACL", "SETUSER", "mover", "on", ">secret", "~bull:*", "&bull:*", *RIGHTS
    )
    await whole_way(f"redis://mover:secret@127.0.0.1:{server.port}/0", nats_server)


async def test_a_user_who_may_not_write_is_told_so(start: Start, nats_server: NatsServer) -> None:
    server = start()
    make_jobs(server.client, 8)
    server.client.execute_command(
        "ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+ping", "+info", "+dbsize"
    )
    options = Options(redis=f"redis://reader:secret@127.0.0.1:{server.port}/0", to=nats_server.url)
    assert (await inspect(options, Silent())).verdict is Verdict.FINE
    assert (await plan(options, Silent())).verdict is Verdict.FINE
    with pytest.raises(SourceError, match="the user may not do this"):
        await run(options, Silent())
    assert server.client.llen("bull:q:wait") == 8


@pytest.mark.parametrize("verb", ["lpush", "lrem", "hset", "zadd", "unlink", "smembers", "rename"])
async def test_a_right_that_is_missing_is_named_before_anything_changes(
    start: Start, nats_server: NatsServer, verb: str
) -> None:
    server = start()
    make_jobs(server.client, 8)
    login = ("ACL", "SETUSER", "mover", "on", ">secret", "~bull:*", "&bull:*")
    server.client.execute_command(*login, *RIGHTS, f"-{verb}")
    url = f"redis://mover:secret@127.0.0.1:{server.port}/0"
    options = Options(redis=url, to=nats_server.url, yes=True)
    before = {key: server.client.dump(key) for key in server.client.keys("*")}
    with pytest.raises(SourceError, match=f"(?i)may not do this .*{verb}"):
        await run(options, Silent())
    assert {key: server.client.dump(key) for key in server.client.keys("*")} == before
    server.client.execute_command("ACL", "SETUSER", "mover", f"+{verb}")
    await run(options, Silent())
    server.client.execute_command("ACL", "SETUSER", "mover", f"-{verb}")
    taken = server.client.lrange("bull:q:bull2jet:wait", 0, -1)
    with pytest.raises(SourceError, match=f"(?i)may not do this .*{verb}"):
        await rollback(options, Silent())
    assert server.client.lrange("bull:q:bull2jet:wait", 0, -1) == taken


async def test_a_right_to_read_that_is_missing_is_not_taken_for_missing_jobs(
    start: Start, nats_server: NatsServer
) -> None:
    server = start()
    make_jobs(server.client, 8)
    login = ("ACL", "SETUSER", "mover", "on", ">secret", "~bull:*", "&bull:*")
    server.client.execute_command(*login, *RIGHTS, "-hgetall")
    url = f"redis://mover:secret@127.0.0.1:{server.port}/0"
    with pytest.raises(SourceError, match=r"may not do this .*hgetall"):
        await plan(Options(redis=url, to=nats_server.url), Silent())


async def test_keys_that_the_user_may_not_read_are_named_and_hinder_nothing(
    start: Start, nats_server: NatsServer
) -> None:
    server = start()
    make_jobs(server.client, 8)
    server.client.set("shop:orders:id", 5)
    server.client.hset("cache:pages:meta", "hits", 1)
    login = ("ACL", "SETUSER", "mover", "on", ">secret", "&bull:*", *RIGHTS)
    server.client.execute_command(*login, "~bull:*")
    url = f"redis://mover:secret@127.0.0.1:{server.port}/0"
    report = await inspect(Options(redis=url), Silent())
    (finding,) = [finding for finding in report.findings if finding.code == "no-right"]
    assert (report.verdict, finding.queue) == (Verdict.FINE, "cache:pages")
    assert "1 more" in finding.text
    await whole_way(url, nats_server)
    make_jobs(server.client, 8)
    server.client.execute_command(*login, "resetkeys", "~other:*")
    with pytest.raises(SourceError, match=r"may not read the keys of bull:q \(and 1 more"):
        await inspect(Options(redis=url, prefixes=("bull",)), Silent())


async def test_a_redis_without_memory_or_without_a_command_says_so(
    start: Start, nats_server: NatsServer
) -> None:
    full, bare = start(), start("--rename-command", "RPOPLPUSH", "")
    reasons = {full: "no memory left", bare: "RPOPLPUSH.*rename-command"}
    for server, reason in reasons.items():
        make_jobs(server.client, 8)
        full.client.config_set("maxmemory", "1000")
        with pytest.raises(SourceError, match=reason):
            await run(Options(redis=server.url, to=nats_server.url), Silent())
        assert server.client.llen("bull:q:wait") == 8
        assert not server.client.hexists("bull:q:meta", "paused")


async def test_a_redis_that_takes_no_writes_says_why(
    start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    alone, unsaved = start(), start("--dir", str(tmp_path))
    for server in (alone, unsaved):
        make_jobs(server.client, 8)
    alone.client.config_set("min-replicas-to-write", 1)
    unsaved.client.config_set("save", "3600 1000000")
    (tmp_path / "dump.rdb").mkdir()  # in the way of the file
    unsaved.client.bgsave()
    while unsaved.client.info("persistence")["rdb_last_bgsave_status"] == "ok":
        await asyncio.sleep(0.01)
    (tmp_path / "dump.rdb").rmdir()  # or the server would not end
    for server, reason in {alone: "replicas are away", unsaved: "cannot save"}.items():
        with pytest.raises(SourceError, match=reason):
            await run(Options(redis=server.url, to=nats_server.url), Silent())
        assert server.client.llen("bull:q:wait") == 8


async def test_another_database_number(start: Start, nats_server: NatsServer) -> None:
    server = start()
    with redis.Redis(port=server.port, db=3) as client:
        make_jobs(client, 8)
    await whole_way(f"redis://127.0.0.1:{server.port}/3", nats_server)


async def test_a_unix_socket(start: Start, nats_server: NatsServer, tmp_path: Path) -> None:
    server = start("--unixsocket", str(tmp_path / "s"))
    make_jobs(server.client, 8)
    await whole_way(f"unix://{tmp_path / 's'}?db=0", nats_server)


async def test_tls(start: Start, nats_server: NatsServer, tmp_path: Path) -> None:
    server = start()
    make_jobs(server.client, 8)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with tls_in_front_of(server.port, context) as port:
        address = f"rediss://localhost:{port}/0"
        with pytest.raises(SourceError, match="certificate"):
            await inspect(Options(redis=address), Silent())
        await whole_way(f"{address}?ssl_ca_certs={tmp_path / 'ca.pem'}", nats_server)


@contextlib.asynccontextmanager
async def tls_in_front_of(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Ends TLS before a plain server, as stunnel does: the wheel's server is built without."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, behind_writer), carry(behind_reader, writer))

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def test_sentinels_lead_to_the_primary(
    start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    server = start()
    make_jobs(server.client, 8)
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor main 127.0.0.1 {server.port} 1\n")
    sentinel = start("--sentinel", config=config)
    await whole_way(f"redis+sentinel://127.0.0.1:{sentinel.port}/main/0", nats_server)


async def test_sentinels_with_a_login_of_their_own(
    start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    server = start()
    make_jobs(server.client, 8)
    server.client.config_set("requirepass", "theirs")
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"sentinel monitor main 127.0.0.1 {server.port} 1\nsentinel auth-pass main theirs\n"
    )
    sentinel = start("--sentinel", config=config)
    sentinel.client.acl_setuser("default", enabled=True, reset_passwords=True, passwords="+own")
    address = f"redis+sentinel://:theirs@127.0.0.1:{sentinel.port}/main/0"
    with pytest.raises(SourceError, match="add \\?sentinel_password="):
        await inspect(Options(redis=address), Silent())
    other = address.replace("/main/", "/other/")
    with pytest.raises(SourceError, match="no Sentinel there names"):
        await inspect(Options(redis=f"{other}?sentinel_password=own"), Silent())
    await whole_way(f"{address}?sentinel_password=own", nats_server)


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
async def test_a_cluster_named_as_one_or_not(
    scheme: str, start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    bus = ("--cluster-port", str(free_port()))
    server = start("--cluster-enabled", "yes", "--dir", str(tmp_path), *bus)
    slots = [str(slot) for slot in range(16384)]
    server.client.execute_command("CLUSTER", "ADDSLOTS", *slots)
    while b"cluster_state:ok" not in server.client.execute_command("CLUSTER", "INFO"):
        continue
    braced = tmp_path / "braced.jsonl"
    dump = (GOLDEN / "bullmq-6.jsonl").read_text()
    braced.write_text(dump.replace('"bull:', '"{bull}:'))
    load_dump(server.client, braced)
    server.client.delete("{bull}:audio:held-with-lock:lock")
    options = Options(redis=f"{scheme}://127.0.0.1:{server.port}", to=nats_server.url, yes=True)
    for command in (inspect, plan, run, verify, rollback, run, verify):
        report = await command(options, Silent())
        assert report.verdict is Verdict.FINE, (command, report.summary, report.findings)


async def test_nothing_newer_than_redis_5_and_never_keys(
    start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    server = start()
    load_dump(server.client, GOLDEN / "bullmq-5.jsonl")
    server.client.config_resetstat()
    url = f"redis://127.0.0.1:{server.port}/0"
    options = Options(redis=url, to=nats_server.url, yes=True, active=ActivePolicy.TAKE_OVER)
    for command in (inspect, plan, run, verify, rollback, run, verify):
        await command(options, Silent())
    for queue in ("later", "limited"):
        named = {"queues": (queue,), "archive": tmp_path / queue}
        await finalize(options.model_copy(update=named), Silent())
    stats: dict[str, Any] = server.client.info("commandstats")
    used = {name.removeprefix("cmdstat_") for name in stats} - {"config|resetstat"}
    assert used <= OF_REDIS_5, used - OF_REDIS_5
