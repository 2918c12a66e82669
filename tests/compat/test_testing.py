"""`jetbull.testing`: a server, an empty one, and what a test left behind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetbull import Queue, QueueEvents, Worker
from jetbull.errors import JobError
from jetbull.ledger.belongings.logs import append_row
from jetbull.ledger.wire import Msg, Wire
from jetbull.server import EmbeddedServer
from jetbull.testing import LeakError, flush, no_leaks


async def test_flush_empties_the_server_of_nats_url_and_ids_begin_again() -> None:
    async with Queue("q") as queue, Queue("q", {"prefix": "other"}) as other:
        await queue.add("job", {})
        await other.add("job", {})
        await flush()
        assert await queue.getJobCountByTypes() == 0
        assert await other.getJobCountByTypes() == 0
        assert (await queue.add("job", {})).id == "1"


async def test_flush_with_a_prefix_empties_only_that() -> None:
    async with Queue("q") as queue, Queue("q", {"prefix": "other"}) as other:
        await queue.add("job", {})
        await other.add("job", {})
        await flush(prefix="other")
        assert await queue.getJobCountByTypes() == 1
        assert await other.getJobCountByTypes() == 0
        assert (await other.add("job", {})).id == "1"


async def test_flush_takes_the_prefix_as_its_only_argument_too() -> None:
    async with Queue("q") as queue, Queue("q", {"prefix": "other"}) as other:
        await queue.add("job", {})
        await other.add("job", {})
        await flush("other")
        assert (await queue.count(), await other.count()) == (1, 0)


OTHER_PROCESS = """
import asyncio, sys
from jetbull import Queue

async def main():
    async with Queue("q") as queue:
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "count":
                print(await queue.count(), flush=True)
                continue
            job = await queue.add("job", {}, {"priority": 7} if line.strip() == "priority" else {})
            print(job.id, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["flush", "obliterate"])
async def test_other_processes_learn_that_everything_is_gone(how: str) -> None:
    done: asyncio.Queue[str] = asyncio.Queue()

    async def process(job: object, token: str) -> None:
        return None

    pipe = asyncio.subprocess.PIPE
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, stdin=pipe, stdout=pipe
    )
    assert other.stdin is not None
    assert other.stdout is not None

    async def say(word: str) -> str:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write(f"{word}\n".encode())
        return (await asyncio.wait_for(other.stdout.readline(), 20)).decode().strip()

    async with Queue("q") as queue:
        assert [await say("plain") for _ in range(5)] == ["1", "2", "3", "4", "5"]
        assert await say("priority") == "6"
        if how == "flush":
            await flush()
        else:
            await queue.obliterate(True)
        assert await queue.count() == 0  # whoever asks the server after us has heard the news
        assert await say("count") == "0"
        assert await say("priority") == "1"
        async with Worker("q", process) as worker:
            worker.on("completed", lambda job, _: done.put_nowait(job.id))
            assert await asyncio.wait_for(done.get(), 10) == "1"
    other.stdin.close()
    assert await asyncio.wait_for(other.wait(), 10) == 0


async def test_a_worker_goes_on_after_a_flush() -> None:
    done: asyncio.Queue[str] = asyncio.Queue()

    async def process(job: object, token: str) -> None:
        return None

    async with Queue("q") as queue, Worker("q", process) as worker:
        worker.on("completed", lambda job, _: done.put_nowait(job.id))
        await queue.add("job", {})
        assert await asyncio.wait_for(done.get(), 10) == "1"
        await flush()
        await queue.add("job", {})
        assert await asyncio.wait_for(done.get(), 10) == "1"


async def test_flush_leaves_no_stream_of_a_closed_prefix(nats_server: EmbeddedServer) -> None:
    async with Queue("q", {"prefix": "closed"}) as queue:
        await queue.add("job", {})
    await flush()
    async with Queue("q", {"prefix": "closed"}) as queue:
        assert await queue.getJobCountByTypes() == 0


async def test_a_stream_is_emptied_before_it_is_deleted(nats_server: EmbeddedServer) -> None:
    """Made again at once, one of a busy server may find the messages of the deleted one."""
    asked = asyncio.Queue[str]()

    async def note(msg: Msg) -> None:
        verb, _, stream = json.loads(msg.data)["subject"].removeprefix("$JS.API.").rpartition(".")
        if stream == "JB_closed" and verb in ("STREAM.PURGE", "STREAM.DELETE"):
            asked.put_nowait(verb)

    async with Queue("q", {"prefix": "closed"}) as queue:
        await queue.add("job", {})
    wire = await Wire.open([nats_server.url])
    await wire.subscribe("$JS.EVENT.ADVISORY.API", note)
    await flush()
    async with asyncio.timeout(10):
        assert [await asked.get(), await asked.get()] == ["STREAM.PURGE", "STREAM.DELETE"]
    await wire.close()


async def test_a_clean_block_is_no_leak() -> None:
    async with no_leaks(), Queue("q") as queue:
        assert (await queue.add("job", {})).id == "1"


async def test_a_task_that_still_runs_is_a_leak() -> None:
    with pytest.raises(LeakError, match=r"task forgotten of Event\.wait"):
        async with no_leaks():
            task = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_task_may_be_allowed_to_stay() -> None:
    async with no_leaks(allowed=["forgotten"]):
        task = asyncio.create_task(asyncio.Event().wait(), name="forgotten-1")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_an_open_queue_is_a_leak() -> None:
    queue = Queue("q")
    with pytest.raises(LeakError, match=r"^Left behind: 1 objects that still use .* \(close each"):
        async with no_leaks():
            await queue.add("job", {})
    await queue.close()


async def test_open_queue_events_are_a_leak() -> None:
    opened: list[QueueEvents] = []

    async def forget_to_close() -> None:
        async with no_leaks():
            opened.append(QueueEvents("q"))
            await opened[0].waitUntilReady()

    with pytest.raises(LeakError, match="consumer JBE_bull/"):
        await forget_to_close()
    await opened[0].close()


async def test_a_subject_without_its_job_is_a_leak() -> None:
    async with Queue("q") as queue:
        store = await queue.ledger()
        with pytest.raises(LeakError, match=r"subject jbl\.bull\.q\.gone"):
            async with no_leaks():
                await append_row(store, "gone", "row")
        assert await queue.removeOrphanedJobs() == 1
        with pytest.raises(JobError, match=r"Missing key for job gone\. addLog"):
            await queue.addJobLog("gone", "row")


def test_the_plugin_serves_users_own_tests(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["jetbull.testing.plugin"]\n')
    (tmp_path / "test_mine.py").write_text(
        "import os, pytest\n"
        "from jetbull import Queue\n\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "@pytest.mark.asyncio\n"
        "async def test_ids_begin_at_1(jetbull_url, no_jetbull_leaks, n):\n"
        "    assert os.environ['NATS_URL'] == jetbull_url\n"
        "    async with Queue('mine') as queue:\n"
        "        assert (await queue.add('job', {})).id == '1'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "2 passed" in finished.stdout, finished.stdout + finished.stderr


NOT_STOPPED = """
import os, socket, sys
from jetbull.testing import NatsServer

server = NatsServer()
server.start()
child = os.fork()
if not child:
    sys.exit()
os.waitpid(child, 0)
socket.create_connection(("127.0.0.1", server.port)).close()
print(server.pid, server.data)
"""


def test_a_server_that_nobody_stopped_ends_with_the_program_and_not_with_its_children() -> None:
    ended = subprocess.run([sys.executable, "-c", NOT_STOPPED], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    pid, data = ended.stdout.split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not Path(data).exists()
