"""Do more worker processes help? One, two and four, with a handler that takes time or CPU."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench.family import PEERS, Process, process
from bench.servers import nats

__all__ = ["run"]


def run(count: int) -> None:
    """Prints jobs a second over all processes."""
    peer = PEERS["jetbull"]
    for title, config in _HANDLERS.items():
        for workers in (1, 2, 4):
            jobs = count // 20 if title == "5 ms of CPU" else count
            share = jobs // workers // 2  # they do not share evenly: each is timed over half of it
            with nats() as server, ExitStack() as stack:
                producer = stack.enter_context(process(peer, "producer", server.url))
                producer.ask("bulk", count=jobs)
                before = server.cpu()
                begun = time.monotonic()
                running: list[Process] = [
                    stack.enter_context(
                        process(
                            peer,
                            "worker",
                            server.url,
                            concurrency=_CONCURRENCY[title],
                            goal=share,
                            **config,
                        )
                    )
                    for _ in range(workers)
                ]
                done = [worker.hear() for worker in running]
                used = (server.cpu() - before) / (time.monotonic() - begun)
            rate = sum(d["n"] / d["seconds"] for d in done)
            print(f"{title}, {workers} processes: {rate:,.0f}/s, server {used:.0%}", flush=True)


_HANDLERS: dict[str, dict[str, float]] = {
    "no-op": {},
    "10 ms of waiting": {"sleep": 0.01},
    "5 ms of CPU": {"burn": 0.005},
}

_CONCURRENCY = {"no-op": 100, "10 ms of waiting": 10, "5 ms of CPU": 1}
