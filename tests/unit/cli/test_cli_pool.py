"""`jetbull worker --pool processes`: each job in a process of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TextIO

import pytest
from tests.unit.cli.commands import running

from jetbull import Job, Queue, QueueEvents
from jetbull.cli.pool import ProcessPool
from jetbull.errors import JetbullError

_CODE = """
import asyncio
import fcntl
import os
import signal
import time
from pathlib import Path

from jetbull import UnrecoverableError


class GivenUp(UnrecoverableError):
    pass


async def process(job, token):
    if job.name == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.name == "fork and crash":
        if os.fork() == 0:
            while not Path("go").exists():
                time.sleep(0.02)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
    if job.name == "tell late":
        asyncio.create_task(job.updateProgress("late"))
    if job.name == "give up asking":
        asking = asyncio.create_task(job.updateProgress("told"))
        await asyncio.sleep(0)
        asking.cancel()
    if job.name == "hold":
        with open("held", "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            await job.updateProgress("held")
            while True:
                time.sleep(1)  # blocks this process only
    if job.name == "leave":
        os._exit(3)
    if job.name == "fail":
        raise ValueError("no voice")
    if job.name == "give up":
        raise GivenUp("never")
    if job.name == "wait":
        Path("begun").touch()
        while not Path("go").exists():
            time.sleep(0.02)  # blocks this process only
    if job.name == "tell":
        await job.updateProgress({"page": 1})
        await job.log("a row")
        await job.updateData({"changed": True})
    if job.name == "reach":
        await job.getState()
    return {"pid": os.getpid(), "data": job.data, "attempt": job.attemptsMade + 1}


def plain(job):
    return os.getpid()
"""


@pytest.fixture
async def queue(nats_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    async with Queue(request.node.name, {"connection": nats_url}) as made:
        yield made


@pytest.fixture
async def events(queue: Queue) -> AsyncIterator[QueueEvents]:
    made = QueueEvents(queue.name, {"connection": queue.opts["connection"]})
    await made.waitUntilReady()
    yield made
    await made.close()


@pytest.fixture
def worker(queue: Queue, tmp_path: Path) -> Iterator[int]:
    """The process id of a worker with two children at most."""
    (tmp_path / "mine.py").write_text(_CODE)
    options = ["--pool", "processes", "--concurrency", "2", "--log-format", "json"]
    url = ["--nats-url", str(queue.opts["connection"]), "--queue", queue.name]
    with running("worker", "mine:process", *options, *url, folder=tmp_path) as command:
        yield command.process.pid
        command.send(signal.SIGTERM)
        assert command.wait() == 0


async def _result(job: Job, events: QueueEvents) -> dict[str, object]:
    result = await job.waitUntilFinished(events, 30_000)
    assert isinstance(result, dict)
    return result


async def test_jobs_run_in_children_that_are_used_again(
    queue: Queue, events: QueueEvents, worker: int
) -> None:
    jobs = [await queue.add("job", {"n": n}) for n in range(6)]
    results = [await _result(job, events) for job in jobs]
    assert [r["data"] for r in results] == [{"n": n} for n in range(6)]
    pids = {r["pid"] for r in results}
    assert 1 <= len(pids) <= 2 and not pids & {worker, os.getpid()}


async def test_a_folder_named_as_the_package_is_not_taken_for_it(
    queue: Queue, events: QueueEvents, worker: int, tmp_path: Path
) -> None:
    (tmp_path / "jetbull").mkdir()  # as a clone is called, seen from the folder above it
    assert (await _result(await queue.add("job", {}), events))["attempt"] == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "The process of the job ended with signal SIGKILL."),
        ("fork and crash", "The process of the job ended with signal SIGKILL."),
        ("leave", "The process of the job ended with exit code 3."),
        ("fail", "no voice"),
        ("reach", "This method of the job is not available in a process of the pool."),
    ],
)
async def test_a_failing_child_fails_its_own_job_only(
    queue: Queue, events: QueueEvents, worker: int, tmp_path: Path, name: str, reason: str
) -> None:
    other = await queue.add("wait", {})
    job = await queue.add(name, {})
    with pytest.raises(JetbullError, match=f"^{reason}$"):
        await job.waitUntilFinished(events, 30_000)
    (tmp_path / "go").touch()
    await _result(other, events)
    assert (await _result(await queue.add("job", {}), events))["attempt"] == 1


@pytest.mark.parametrize(("name", "kind"), [("fail", "ValueError"), ("give up", "GivenUp")])
async def test_the_log_names_the_error_as_the_processor_raised_it(
    queue: Queue, tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / "mine.py").write_text(_CODE)
    await queue.add(name, {})
    options = ["--pool", "processes", "--log-format", "json", "--queue", queue.name]
    url = ["--nats-url", str(queue.opts["connection"])]
    with running("worker", "mine:process", *options, *url, folder=tmp_path) as command:
        assert command.logged("job failed")["errorType"] == kind
        command.send(signal.SIGTERM)
        assert command.wait() == 0


async def test_a_crashed_try_is_followed_by_the_next(
    queue: Queue, events: QueueEvents, worker: int
) -> None:
    job = await queue.add("crash", {}, {"attempts": 2})
    with pytest.raises(JetbullError, match="SIGKILL"):
        await job.waitUntilFinished(events, 30_000)
    stored = await Job.fromId(queue, job.id)
    assert stored is not None and stored.attemptsMade == 2


@pytest.mark.parametrize("name", ["tell late", "give up asking"])
async def test_what_a_job_asks_for_at_its_end_is_not_taken_for_the_next_ones(
    queue: Queue, events: QueueEvents, worker: int, name: str
) -> None:
    first = await _result(await queue.add(name, {}), events)
    jobs = [await queue.add("job", {}) for _ in range(6)]
    results = [await _result(job, events) for job in jobs]
    assert first["pid"] in {r["pid"] for r in results}
    stored = [await Job.fromId(queue, job.id) for job in jobs]
    assert [job and job.progress for job in stored] == [0] * len(jobs)


def _is_known(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_that_ended_between_two_jobs_fails_neither(
    queue: Queue, events: QueueEvents, worker: int
) -> None:
    pid = (await _result(await queue.add("job", {}), events))["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        while _is_known(pid):  # until the worker has seen its end
            await asyncio.sleep(0)
    results = [await _result(await queue.add("job", {}), events) for _ in range(3)]
    assert pid not in {r["pid"] for r in results}


def _is_free(held: TextIO) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def test_a_child_at_work_ends_with_a_worker_that_is_killed(
    queue: Queue, events: QueueEvents, tmp_path: Path
) -> None:
    begun = asyncio.Event()
    events.on("progress", lambda *_: begun.set())
    await queue.add("hold", {})
    (tmp_path / "mine.py").write_text(_CODE)
    options = ["--pool", "processes", "--nats-url", str(queue.opts["connection"])]
    with running("worker", "mine:process", *options, "--queue", queue.name, folder=tmp_path) as one:
        await asyncio.wait_for(begun.wait(), 30)
        one.send(signal.SIGKILL)
        with (tmp_path / "held").open() as held:
            async with asyncio.timeout(30):
                while not _is_free(held):  # a thread that waits for it could not be given up
                    await asyncio.sleep(0)


async def test_an_unrecoverable_error_is_one_for_the_worker_too(
    queue: Queue, events: QueueEvents, worker: int
) -> None:
    job = await queue.add("give up", {}, {"attempts": 5})
    with pytest.raises(JetbullError, match="never"):
        await job.waitUntilFinished(events, 30_000)
    stored = await Job.fromId(queue, job.id)
    assert stored is not None and stored.attemptsMade == 1


async def test_progress_logs_and_data_reach_the_queue(
    queue: Queue, events: QueueEvents, worker: int
) -> None:
    job = await queue.add("tell", {})
    await _result(job, events)
    stored = await Job.fromId(queue, job.id)
    assert stored is not None
    assert (stored.progress, stored.data) == ({"page": 1}, {"changed": True})
    assert (await queue.getJobLogs(job.id))["logs"] == ["a row"]


async def test_a_child_that_cannot_be_started_leaves_no_socket_open(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await queue.add("job", {})
    monkeypatch.setattr(sys, "executable", "/is/not/there")
    pool = ProcessPool("mine:process", 1)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError) as caught:
        await pool.run(job, "token")
    assert caught.tb and len(os.listdir("/proc/self/fd")) == len(before)


async def test_each_process_closes_the_processor_it_made(
    queue: Queue, events: QueueEvents, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "class Process:\n"
        "    async def __call__(self, job): return os.getpid()\n"
        "    async def aclose(self): Path(f'closed-{os.getpid()}').touch()\n"
    )
    options = ["--pool", "processes", "--log-format", "json", "--queue", queue.name]
    url = ["--nats-url", str(queue.opts["connection"])]
    with running("worker", "mine:Process", *options, *url, folder=tmp_path) as command:
        child = await (await queue.add("job", {})).waitUntilFinished(events, 30_000)
        command.send(signal.SIGTERM)
        assert command.wait() == 0
        parent = command.process.pid
    closed = {name for name in os.listdir(tmp_path) if name.startswith("closed-")}
    assert closed == {f"closed-{child}", f"closed-{parent}"}


async def test_a_child_closes_its_processor_though_it_has_just_told_what_a_job_returned(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quick.py").write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "class Slow(asyncio.StreamWriter):\n"
        "    async def drain(self): await asyncio.sleep(0.1)\n"
        "asyncio.streams.StreamWriter = Slow\n"
        "class Process:\n"
        "    async def __call__(self, job): return job.data\n"
        f"    async def aclose(self): Path({str(tmp_path / 'closed')!r}).touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    pool = ProcessPool("quick:Process", 1)
    assert await pool.run(await queue.add("job", {"page": 1}), "token") == {"page": 1}
    await pool.close()
    assert (tmp_path / "closed").exists()
