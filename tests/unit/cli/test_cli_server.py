"""`jetbull server`: NATS with JetStream on this machine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.unit.cli.commands import Running, running, sentence_of

from jetbull import Queue
from jetbull.errors import JetbullError
from jetbull.server import EmbeddedServer, ServerStartError


@contextmanager
def _hangup(handler: signal.Handlers) -> Iterator[None]:
    """What the end of the terminal does to processes started meanwhile, which inherit it."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _url(server: Running) -> str:
    line = server.line(lambda text: text.startswith("NATS server ready at "))
    return line.split()[4].rstrip(",")


async def _add(url: str, job_id: str) -> None:
    queue = Queue("q", {"connection": url})
    await queue.add("n", {}, {"jobId": job_id})
    await queue.close()


async def _waiting(url: str) -> set[str | None]:
    queue = Queue("q", {"connection": url})
    jobs = await queue.getJobs(["waiting"])
    await queue.close()
    return {job.id for job in jobs}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_stops_it_and_the_next_one_has_everything_again(
    tmp_path: Path, number: int
) -> None:
    for expected in (set[str](), {"a"}):
        with (
            _hangup(signal.SIG_DFL),
            running("server", "--port", "0", "--data", "nats", folder=tmp_path) as server,
        ):
            url = _url(server)
            assert url.startswith("nats://127.0.0.1:")
            assert await _waiting(url) == expected
            if not expected:
                await _add(url, "a")
            children = psutil.Process(server.process.pid).children(recursive=True)
            assert [child.name() for child in children] == ["nats-server"]
            server.send(number)
            assert server.wait() == 0
            assert not any(child.is_running() for child in children)
    assert (tmp_path / "nats" / "nats.log").stat().st_size > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_leaves_no_server_behind(tmp_path: Path, number: int) -> None:
    with running("server", "--port", "0", "--data", "nats", folder=tmp_path) as server:
        nats = _nats_of(server)
        nats.suspend()  # so that it is not ready yet
        server.send(number)
        nats.resume()
        assert server.wait() == 0
        assert not nats.is_running()


def _nats_of(server: Running) -> psutil.Process:
    """The child, as soon as there is one."""
    while server.process.poll() is None:
        for child in psutil.Process(server.process.pid).children():
            if child.name() == "nats-server":
                return child
    raise AssertionError("The command ended.")


async def test_under_nohup_the_end_of_the_terminal_changes_nothing(tmp_path: Path) -> None:
    with (
        _hangup(signal.SIG_IGN),
        running("server", "--port", "0", "--data", "nats", folder=tmp_path) as server,
    ):
        url = _url(server)
        server.send(signal.SIGHUP)
        await _add(url, "a")
        server.send(signal.SIGTERM)
        assert server.wait() == 0


async def test_killed_with_its_server_left_behind_the_next_one_takes_over(tmp_path: Path) -> None:
    arguments = ["server", "--port", "0", "--data", "nats"]
    with running(*arguments, folder=tmp_path) as server:
        await _add(_url(server), "a")
        (orphan,) = psutil.Process(server.process.pid).children(recursive=True)
        server.send(signal.SIGKILL)
        server.wait()
    assert orphan.is_running()
    with running(*arguments, folder=tmp_path) as server:
        assert await _waiting(_url(server)) == {"a"}
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        server.send(signal.SIGTERM)
        assert server.wait() == 0


async def test_what_was_stored_survives_kill_9_of_nats_itself(tmp_path: Path) -> None:
    arguments = ["server", "--port", "0", "--data", "nats"]
    with running(*arguments, folder=tmp_path) as server:
        await _add(_url(server), "a")
        (nats,) = psutil.Process(server.process.pid).children(recursive=True)
        nats.kill()
        assert server.wait() == 1
        assert "The NATS server ended with code -9; " in server.seen[-1]
    with running(*arguments, folder=tmp_path) as server:
        assert await _waiting(_url(server)) == {"a"}
        server.send(signal.SIGTERM)
        assert server.wait() == 0


def test_one_server_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    arguments = ["server", "--port", "0", "--data", "nats"]
    with running(*arguments, folder=tmp_path) as server:
        _url(server)
        said = sentence_of(*arguments, folder=tmp_path)
        assert "already works in" in said and "choose another data folder" in said
        server.send(signal.SIGTERM)
        assert server.wait() == 0


@pytest.mark.parametrize("name", ["ספרים", "café ✓ 😀", 'a "b" \\ $c {d}'])
def test_its_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with running("server", "--port", "0", "--data", name, folder=tmp_path) as server:
        assert _url(server).startswith("nats://127.0.0.1:")
        assert (tmp_path / name / "store").is_dir()
        server.send(signal.SIGTERM)
        assert server.wait() == 0


def test_a_port_in_use_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = sentence_of("server", "--port", port, "--data", "nats", folder=tmp_path)
    assert said.startswith("jetbull: nats-server did not start: ")
    assert said.endswith(": stop what uses this port, or choose another one.\n")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("option", ["--port", "--monitor-port"])
@pytest.mark.parametrize("port", ["65536", "-1", "any"])
def test_a_number_that_is_no_port_is_told_before_anything_starts(
    tmp_path: Path, option: str, port: str
) -> None:
    said = sentence_of("server", f"{option}={port}", "--data", "nats", folder=tmp_path, code=2)
    assert f"argument {option}: '{port}' is no port: give a number from 0 to 65535" in said
    assert not (tmp_path / "nats").exists()


@pytest.mark.parametrize("interval", ["10", "often", "-1s", "10 s"])
def test_what_is_no_interval_is_told_by_its_option(tmp_path: Path, interval: str) -> None:
    options = ("--port", "0", "--data", "nats", f"--sync={interval}")
    said = sentence_of("server", *options, folder=tmp_path, code=2)
    assert f"argument --sync: {interval!r} is no interval: give `always`, or a number" in said
    assert not (tmp_path / "nats").exists()


@pytest.mark.parametrize("data", ["taken", "taken/below", "/proc/nowhere"])
def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, data: str) -> None:
    (tmp_path / "taken").write_text("a file")
    said = sentence_of("server", "--port", "0", "--data", data, folder=tmp_path)
    assert said.startswith(f"jetbull: nats-server cannot be started in {tmp_path / data} (")
    assert said.endswith("mend that, or choose another data folder.\n")
    assert len(said.splitlines()) == 1


def test_a_server_that_finds_no_room_for_its_files_is_not_waited_for(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "nats") as server:
        (ports,) = server.data.glob("*.ports")
        ports.write_text("")  # what a full disk leaves
        os.utime(ports, (0, 0))
        with pytest.raises(ServerStartError, match=r"cannot write to .*: make room there"):
            server.start()


async def test_where_no_server_is_the_error_says_how_to_start_one() -> None:
    queue = Queue("q", {"connection": "nats://127.0.0.1:9"})
    with pytest.raises(JetbullError, match=r"`jetbull server` or `docker compose up -d nats`"):
        await queue.add("n", {})
    await queue.close()
