"""Whatever a processor does, its job gets an outcome and its worker takes the next one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from jetbull import Job, Queue, Worker
from jetbull.errors import StoreError
from jetbull.ledger.parents import bookkeeping
from jetbull.ledger.store.store import QueueStore


def _raise(error: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise error

    return act


def _recurse(depth: int = 0) -> int:
    return _recurse(depth + 1) + 1


ACTS: dict[str, tuple[Callable[[], Any], str]] = {
    "raises BaseException": (
        _raise(BaseException("odd")),
        "The processor raised BaseException: odd",
    ),
    "raises SystemExit": (lambda: sys.exit(3), "The processor raised SystemExit: 3"),
    "raises KeyboardInterrupt": (
        _raise(KeyboardInterrupt()),
        "The processor raised KeyboardInterrupt",
    ),
    "raises GeneratorExit": (_raise(GeneratorExit()), "The processor raised GeneratorExit"),
    "raises CancelledError": (_raise(asyncio.CancelledError()), "The processor was cancelled"),
    "recurses": (_recurse, "maximum recursion depth exceeded"),
    "returns what is no JSON": (object, "not JSON serializable"),
    "returns NaN": (lambda: float("nan"), "Out of range float values"),
    "raises 50 MB": (_raise(ValueError("y" * 50_000_000)), "(50000000 characters in all)"),
}


@pytest.mark.parametrize("plain", [False, True], ids=["async", "in a thread"])
@pytest.mark.parametrize("act", ACTS)
async def test_a_job_fails_and_the_worker_goes_on_when_the_processor(
    shared_url: str, name: str, act: str, plain: bool
) -> None:
    misbehave, reason = ACTS[act]

    def plain_process(job: Job, token: str) -> Any:
        return misbehave() if job.name == "bad" else "fine"

    async def process(job: Job, token: str) -> Any:
        return plain_process(job, token)

    queue = Queue(name, {"connection": shared_url})
    bad = await queue.add("bad", {}, {"attempts": 1})
    good = await queue.add("good", {})
    done = asyncio.Event()
    chosen = plain_process if plain else process
    worker = Worker(name, chosen, {"connection": shared_url})
    worker.on("completed", lambda *_: done.set())
    async with asyncio.timeout(30):
        await done.wait()
    failed, completed = await queue.getJob(bad.id), await queue.getJob(good.id)
    assert failed is not None
    assert completed is not None
    assert await failed.isFailed()
    assert reason in str(failed.failedReason)
    assert len(str(failed.failedReason)) < 20_000
    assert await completed.isCompleted()
    assert worker.is_consuming
    await worker.close()
    await queue.close()


async def test_a_value_of_50_mb_comes_back_or_fails_the_job_with_a_reason(
    shared_url: str, name: str
) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def process(job: Job, token: str) -> str:
        return "x" * 50_000_000

    queue = Queue(name, {"connection": shared_url})
    job = await queue.add("job", {}, {"attempts": 1})
    worker = Worker(name, process, {"connection": shared_url})
    worker.on("completed", lambda *_: ended.set_result("completed"))
    worker.on("failed", lambda *_: ended.set_result("failed"))
    async with asyncio.timeout(60):
        how = await ended
    stored = await queue.getJob(job.id)
    assert stored is not None
    if how == "completed":
        assert len(str(stored.returnvalue)) == 50_000_000
    else:
        assert "50000002" in str(stored.failedReason)
    await worker.close()
    await queue.close()


async def test_a_listener_that_raises_does_not_end_the_worker(shared_url: str, name: str) -> None:
    def complain(*_: Any) -> None:
        raise RuntimeError("listener")

    done: asyncio.Queue[str] = asyncio.Queue()

    async def process(job: Job, token: str) -> None:
        done.put_nowait(str(job.id))

    queue = Queue(name, {"connection": shared_url})
    worker = Worker(name, process, {"connection": shared_url})
    for event in ("active", "completed", "error", "drained"):
        worker.on(event, complain)
    for _ in range(3):
        job = await queue.add("job", {})
        async with asyncio.timeout(20):
            while await done.get() != job.id:
                pass
    await worker.close()
    await queue.close()


async def test_a_run_that_is_over_counts_although_its_children_could_not_be_asked_for(
    shared_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = bookkeeping.has_pending

    async def has_pending(store: QueueStore, job_id: str) -> bool:
        asked.append(job_id)
        if len(asked) == 1:
            raise StoreError("The server refused: JetStream system temporarily unavailable", 10008)
        return await ask(store, job_id)

    async def process(job: Job[Any, Any], token: str) -> str:
        runs.append(str(job.id))
        return "ran"

    runs: list[str] = []
    queue = Queue(name, {"connection": shared_url})
    await (await queue.ledger()).mark("families")
    monkeypatch.setattr(bookkeeping, "has_pending", has_pending)
    worker = Worker(name, process, {"connection": shared_url})
    done = asyncio.Event()
    worker.on("completed", lambda *_: done.set())
    worker.on("failed", lambda *_: done.set())
    job = await queue.add("job", {})
    await asyncio.wait_for(done.wait(), 10)
    assert await job.isCompleted()
    assert (runs, asked) == ([job.id], [job.id] * 2)
    await worker.close()
    await queue.close()
