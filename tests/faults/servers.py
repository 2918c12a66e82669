"""One nats-server, or a cluster of three, on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from jetbull.server import EmbeddedServer

__all__ = ["Servers"]


class Servers:
    """`count` servers with data below `folder`; each can be killed, stopped and started again."""

    def __init__(
        self,
        folder: Path,
        count: int = 1,
        *,
        sync: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        routes = [_free_port() for _ in range(count)]
        self.nodes = [
            EmbeddedServer(
                folder / f"node{number}",
                port=_free_port(),
                sync=sync,
                extra={**(extra or {}), **(_cluster(number, routes) if count > 1 else {})},
            )
            for number in range(count)
        ]

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(self.start(number) for number in range(len(self.nodes))))
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            pid = node.pid
            if pid is not None:
                os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*(asyncio.to_thread(node.kill) for node in self.nodes))

    @property
    def url(self) -> str:
        """All nodes, as a client names them."""
        return ",".join(node.url for node in self.nodes)

    @property
    def replicas(self) -> int:
        """As many as there are nodes."""
        return len(self.nodes)

    async def start(self, number: int = 0) -> None:
        """Starts a node, or starts it again with its data."""
        await asyncio.to_thread(self.nodes[number].start)

    async def kill(self, number: int = 0) -> None:
        """kill -9."""
        await asyncio.to_thread(self.nodes[number].kill)

    async def stop(self, number: int = 0) -> None:
        """A clean stop."""
        await asyncio.to_thread(self.nodes[number].stop)

    def freeze(self, number: int = 0) -> None:
        """SIGSTOP: the server is there and says nothing."""
        self._signal(number, signal.SIGSTOP)

    def thaw(self, number: int = 0) -> None:
        """SIGCONT."""
        self._signal(number, signal.SIGCONT)

    def node_named(self, name: str) -> int:
        """The number of the node a cluster calls `name`."""
        return int(name.removeprefix("node"))

    def _signal(self, number: int, what: signal.Signals) -> None:
        pid = self.nodes[number].pid
        assert pid is not None, f"node {number} does not run"
        os.kill(pid, what)


def _cluster(number: int, routes: list[int]) -> dict[str, Any]:
    return {
        "server_name": f"node{number}",
        "cluster": {
            "name": "faults",
            "listen": f"127.0.0.1:{routes[number]}",
            "routes": [f"nats://127.0.0.1:{port}" for port in routes],
        },
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings(path: Path) -> dict[str, Any]:
    """A configuration file as JSON, for tests that change it."""
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded
