"""The commands as an operator meets them: order, refusals, exit codes, signals."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bull2jet import cli
from jetbull.errors import AckTimeout

from .commands import Ended, begun, bull2jet
from .conftest import Load, NatsServer, RedisServer, make_jobs, put_job


def lock(server: RedisServer, job_id: str) -> None:
    """A job that an old worker holds."""
    put_job(server.client, job_id)
    server.client.lpush("bull:q:active", job_id)
    server.client.set(f"bull:q:{job_id}:lock", "token", px=600_000)


def wait_for_lease(server: RedisServer, process: subprocess.Popen[str]) -> None:
    while not server.client.exists("bull:q:bull2jet:lease"):
        assert process.poll() is None, process.communicate()


def test_each_command_names_the_next_one_until_redis_is_empty(
    redis_server: RedisServer, nats_server: NatsServer, tmp_path: Path
) -> None:
    make_jobs(redis_server.client, 8)
    redis_server.client.set("other:program", "stays")
    done = bull2jet("inspect", redis_server.url)
    assert done.code == 0 and "Go: 1 queue with 16 jobs can be migrated." in done.out
    seen = ["inspect"]
    for step in ("plan", "run", "verify"):
        words = ["--to", nats_server.url] if word_after(done, "--to") != nats_server.url else []
        assert done.next[0] == step
        done = bull2jet(*done.next, *words)
        assert done.code == 0, done
        seen.append(step)
    assert done.next[0] == "finalize"
    archive = tmp_path / "gone.jsonl.gz"
    done = bull2jet(*done.next, "--yes", "--archive", str(archive))
    assert done.code == 0, done
    assert redis_server.client.keys("*") == [b"other:program"]
    with gzip.open(archive, "rt") as file:
        rows = [json.loads(line) for line in file]
    assert ["bull:q:w1", "hash"] in [row[:2] for row in rows]


def word_after(done: Ended, option: str) -> str:
    words = done.next
    return words[words.index(option) + 1] if option in words else ""


def test_a_command_refuses_an_option_that_would_change_nothing(sides: tuple[str, ...]) -> None:
    done = bull2jet("plan", *sides, "--deep")
    assert done.code == 2 and "unrecognized arguments: --deep" in done.err


def test_a_locked_job_stays_and_the_exit_code_says_so(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 4)
    lock(redis_server, "held")
    done = bull2jet("run", *sides, "--active", "take-over")
    assert done.code == 3 and "still-active [bull:q job held]" in done.out
    assert bull2jet("verify", *sides).next[0] == "run"
    redis_server.client.delete("bull:q:held:lock")
    assert bull2jet("run", *sides).code == 0
    assert bull2jet("verify", *sides).code == 0


def test_refusing_active_jobs_changes_nothing(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 4)
    lock(redis_server, "held")
    done = bull2jet("run", *sides, "--active", "refuse")
    assert done.code == 1 and "has 1 active job" in done.err
    assert not redis_server.client.hexists("bull:q:meta", "paused")
    assert redis_server.client.llen("bull:q:wait") == 4


def test_waiting_for_an_active_job_ends_when_its_worker_is_done(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 4)
    lock(redis_server, "held")
    with begun("run", *sides) as process:
        assert process.stderr is not None
        assert "waiting for 1 active job of bull:q" in process.stderr.readline()
        redis_server.client.delete("bull:q:held:lock")
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("inspect",), 2, "No Redis address"),
        (("inspect", "http://x"), 2, "must begin with one of"),
        (("inspect", "redis://:a/b@x"), 2, "names no host; in a password write / as %2F"),
        (("inspect", "redis://x/abc"), 2, "must end with the number of a database, such as /0."),
        (("inspect", "redis://me/b@x"), 2, "such as /0; in a password write / as %2F"),
        (("inspect", "redis://me:a?b@x"), 2, "cannot be read; in a password write / as %2F, ? as"),
        (("inspect", "redis://127.0.0.1:1/0"), 5, "cannot be used"),
        (("inspect", "redis+cluster://127.0.0.1:1"), 5, "cannot be used"),
        (("inspect", "CLUSTER"), 5, "cannot be used: it is no cluster; leave +cluster out"),
        (("run", "REDIS", "--to", "nats://127.0.0.1:1"), 5, "No NATS server answers"),
        (("run", "REDIS", "--to", "redis://127.0.0.1"), 2, "is no NATS address"),
        (("run", "SIDES", "--batch", "0"), 2, "--batch"),
        (("run", "SIDES", "--states", "bogus"), 2, "there are waiting"),
        (("run", "SIDES", "--history", "some"), 2, "neither 'none' nor 'all'"),
        (("run", "SIDES", "--timezone", "Mars/Olympus"), 2, "IANA"),
        (("run", "SIDES", "--active", "bogus"), 2, "invalid choice: 'bogus' (choose from"),
        (("run", "SIDES", "--queues", "nope"), 1, "No queue is called 'nope'"),
        (("finalize", "SIDES", "--yes", "--queues", ","), 2, "no name is given"),
        (("run", "SIDES", "--states", ""), 2, "no name is given"),
        (("run", "SIDES", "--report", "nowhere/r.json"), 2, "folder nowhere is not there"),
        (("run", "SIDES", "--html", "."), 2, "'.' is a folder"),
        (("inspect", "redis+sentinel://127.0.0.1:1/m"), 5, "no Sentinel there names"),
        (("verify", "SIDES"), 1, "has not been migrated"),
        (("rollback", "SIDES", "--yes"), 1, "has not been migrated"),
        (("finalize", "SIDES", "--yes"), 1, "has not been migrated"),
        (("finalize", "SIDES"), 1, "give --yes"),
        (("nonsense",), 2, "invalid choice"),
        (("--version",), 0, ""),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: tuple[str, ...], code: int, says: str, redis_server: RedisServer,
    sides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("REDIS_URL", raising=False)
    make_jobs(redis_server.client, 4)
    filled: list[str] = []
    for word in words:
        cluster = sides[0].replace("redis:", "redis+cluster:")
        filled += {"SIDES": list(sides), "REDIS": [sides[0]], "CLUSTER": [cluster]}.get(
            word, [word]
        )
    done = bull2jet(*filled)
    assert (done.code, says in done.err) == (code, True), done
    assert "Traceback" not in done.err
    assert redis_server.client.llen("bull:q:wait") == 4


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_a_clean_checkpoint(
    how: signal.Signals, redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 400)
    with begun("run", *sides, "--rate", "200", "--batch", "50") as process:
        wait_for_lease(redis_server, process)
        process.send_signal(how)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Type the same command again" in err and "Traceback" not in err
    assert not redis_server.client.exists("bull:q:bull2jet:lease")
    done = bull2jet("run", *sides)
    assert done.code == 0 and bull2jet("verify", *sides).code == 0


def test_a_second_run_refuses_and_names_the_first(
    redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    make_jobs(redis_server.client, 400)
    with begun("run", *sides, "--rate", "200", "--batch", "50") as process:
        wait_for_lease(redis_server, process)
        done = bull2jet("run", *sides)
        assert done.code == 1
        assert "held by `bull2jet run`" in done.err and f"process {process.pid} on" in done.err


@pytest.mark.parametrize("package", ["redis", "rich"])
def test_without_its_extra_the_command_says_what_to_install(package: str) -> None:
    missing = f"import sys; sys.modules[{package!r}] = None; import bull2jet; "
    program = missing + "sys.exit(bull2jet.main(['inspect']))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"bull2jet: The Python package {package} is not installed: "
        "`pip install 'jetbull[migrate]'` brings it.\n"
    )


def test_a_dry_run_writes_nothing(
    load: Load, redis_server: RedisServer, sides: tuple[str, ...]
) -> None:
    load("bullmq-5")
    client = redis_server.client

    def everything() -> dict[str, Any]:
        return {key: value_of(client, key) for key in client.keys("*")}

    before = everything()
    assert bull2jet("inspect", sides[0]).code == 0
    planned = bull2jet("plan", *sides)
    rehearsed = bull2jet("run", *sides, "--dry-run", "--follow")
    assert (planned.code, rehearsed.code) == (0, 0)
    assert rehearsed.next == planned.next
    assert everything() == before


def value_of(client: Any, key: bytes) -> Any:
    kind = client.type(key)
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    return kind, read[kind](key)


def test_a_nats_server_that_goes_away_is_not_told_as_redis(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lost(*_: object) -> NoReturn:
        raise AckTimeout("The connection was lost.")

    monkeypatch.setattr(cli, "_perform", lost)
    assert cli.main(["plan", "redis://localhost:6379", "--to", "nats://localhost:4222"]) == 5
    assert capsys.readouterr().err.startswith("bull2jet: NATS: The connection was lost. When")
