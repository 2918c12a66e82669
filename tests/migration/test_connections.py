"""Every way a Redis can be reached, and what bull2jet asks of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
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
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import GOLDEN, NatsServer, RedisServer, free_port, load_dump, make_jobs

#: what Redis 5 knows; nothing newer may be asked for
OF_REDIS_5 = frozenset(
    [
        "ping",
        "info",
        "dbsize",
        "scan",
        "type",
        "exists",
        "pttl",
        "client|list",
        "client|id",
        "client|setname",
        "get",
        "hstrlen",
        "hgetall",
        "hget",
        "hmget",
        "llen",
        "lrange",
        "lindex",
        "smembers",
        "sismember",
        "zcard",
        "zrange",
        "zscore",
        "zcount",
        "zrangebyscore",
        "xread",
        "xrange",
        "xrevrange",
        "eval",
        "set",
        "del",
        "hset",
        "hdel",
        "lpush",
        "rpush",
        "lrem",
        "rename",
        "rpoplpush",
        "zadd",
        "zrem",
        "sadd",
        "pexpire",
        "unlink",
        "psubscribe",
        "punsubscribe",
        "rpop",
        "lpop",
        "select",
        "auth",
        "hello",
        "client|setinfo",
    ]
)
#: the rights docs/migration.md asks for
RIGHTS = [
    "+@read",
    "+@write",
    "+@scripting",
    "+@connection",
    "+@pubsub",
    "+info",
    "+dbsize",
    "+client|list",
    "-@dangerous",
    "+info",
    "+client|list",
    "-keys",
    "-flushall",
    "-flushdb",
]

Start = Callable[..., RedisServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts further servers with these options."""
    servers: list[RedisServer] = []

    def begin(*options: str) -> RedisServer:
        servers.append(RedisServer(*options))
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
    with pytest.raises(Exception, match="the user may not do this"):
        await run(options, Silent())
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
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    port, pem = free_port(), str(tmp_path / "server.pem")
    server = start(
        "--tls-port", str(port), "--tls-cert-file", pem, "--tls-key-file", pem,
        "--tls-ca-cert-file", str(tmp_path / "ca.pem"), "--tls-auth-clients", "no",
    )  # fmt: skip
    make_jobs(server.client, 8)
    address = f"rediss://localhost:{port}/0"
    with pytest.raises(Exception, match="certificate"):
        await inspect(Options(redis=address), Silent())
    await whole_way(f"{address}?ssl_ca_certs={tmp_path / 'ca.pem'}", nats_server)


async def test_sentinels_lead_to_the_primary(
    start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    server = start()
    make_jobs(server.client, 8)
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor main 127.0.0.1 {server.port} 1\n")
    sentinel = start(str(config), "--sentinel")
    await whole_way(f"redis+sentinel://127.0.0.1:{sentinel.port}/main/0", nats_server)


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
async def test_a_cluster_named_as_one_or_not(
    scheme: str, start: Start, nats_server: NatsServer, tmp_path: Path
) -> None:
    server = start("--cluster-enabled", "yes", "--dir", str(tmp_path))
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
    options = Options(redis=url, to=nats_server.url, yes=True, active="take-over")
    for command in (inspect, plan, run, verify, rollback, run, verify):
        await command(options, Silent())
    for queue in ("later", "limited"):
        named = {"queues": (queue,), "archive": tmp_path / queue}
        await finalize(options.model_copy(update=named), Silent())
    stats: dict[str, Any] = server.client.info("commandstats")
    used = {name.removeprefix("cmdstat_") for name in stats} - {"config|resetstat"}
    assert used <= OF_REDIS_5, used - OF_REDIS_5
    longest = max(entry["usec_per_call"] for entry in stats.values())
    assert json.dumps(sorted(used)) and longest < 100_000
