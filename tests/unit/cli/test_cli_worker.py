"""`jetbull worker`: a process that runs jobs."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.cli.commands import Running, running, sentence_of

from jetbull import JetbullError, Job, Queue, QueueEvents

_CODE = """
import asyncio
import logging
import os
import signal
import time
from pathlib import Path

from jetbull import Worker

log = logging.getLogger("mine")


async def by_coroutine(job, token):
    log.info("working", extra={"page": 7})
    return {"by": "coroutine"}


def by_function(job):
    log.info("working in a thread")
    return {"by": "function"}


class ByName:
    async def process_job(self, name, data):
        return {"by": name}

    def close(self):
        Path("closed").touch()


def factory():
    return by_coroutine


async def failing(job, token):
    raise ValueError("no voice")


async def until_told(job, token):
    log.info("begun")
    while not Path("go").exists():
        await asyncio.sleep(0.02)
    return {"by": "patience"}


by_coroutine.worker_options = {"concurrency": 3}


async def deadly(job, token):
    os.kill(os.getpid(), signal.SIGKILL)


deadly.worker_options = {"maxStalledCount": 2}


def blocking(job):
    log.info("begun")
    time.sleep(600)


nothing = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the worker starts, with a module `mine` in it."""
    (tmp_path / "mine.py").write_text(_CODE)
    return tmp_path


@pytest.fixture
async def queue(nats_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    made = Queue(request.node.name, {"connection": nats_url})
    yield made
    await made.close()


def _worker(queue: Queue, folder: Path, reference: str, *more: str) -> tuple[list[str], Path]:
    url = str(queue.opts["connection"])
    arguments = ["worker", reference, "--nats-url", url, "--queue", queue.name, *more]
    return [*arguments, "--log-format", "json"], folder


async def _result(queue: Queue, job: Job) -> object:
    """What the job gives in the end."""
    async with QueueEvents(queue.name, {"connection": queue.opts["connection"]}) as events:
        return await job.waitUntilFinished(events, 20_000)


def _stopped(worker: Running) -> int:
    worker.send(signal.SIGTERM)
    return worker.wait()


@pytest.mark.parametrize(
    ("reference", "by"),
    [
        ("mine:by_coroutine", "coroutine"),
        ("mine:by_function", "function"),
        ("mine:ByName", "a-name"),
        ("mine:factory", "coroutine"),
    ],
)
async def test_what_can_be_called_with_a_job_is_a_processor(
    queue: Queue, folder: Path, reference: str, by: str
) -> None:
    arguments, cwd = _worker(queue, folder, reference)
    job = await queue.add("a-name", {})
    with running(*arguments, folder=cwd) as worker:
        assert await _result(queue, job) == {"by": by}
        assert _stopped(worker) == 0
    assert (folder / "closed").exists() == ("ByName" in reference)


async def test_a_setting_goes_before_what_the_processor_says(queue: Queue, folder: Path) -> None:
    arguments, cwd = _worker(queue, folder, "mine:by_coroutine", "--concurrency", "1")
    with running(*arguments, folder=cwd) as worker:
        assert worker.logged("worker ready")["concurrency"] == 1
        assert _stopped(worker) == 0


@pytest.mark.parametrize("reference", ["mine:by_coroutine", "mine:by_function"])
async def test_every_log_line_of_a_job_has_its_ids(
    queue: Queue, folder: Path, reference: str
) -> None:
    arguments, cwd = _worker(queue, folder, reference)
    job = await queue.add("speak", {"correlationId": "c-1"})
    ids = {
        "jobId": job.id,
        "jobName": "speak",
        "attempt": 1,
        "correlationId": "c-1",
        "queue": queue.name,
    }
    with running(*arguments, folder=cwd) as worker:
        by_itself = 3 if reference == "mine:by_coroutine" else 1
        assert worker.logged("worker ready")["concurrency"] == by_itself
        line = worker.logged("working")
        assert line.items() >= {**ids, "logger": "mine"}.items()
        assert worker.logged("job completed").items() >= ids.items()
        assert _stopped(worker) == 0


async def test_a_failure_is_logged_with_its_reason_and_whether_it_is_final(
    queue: Queue, folder: Path
) -> None:
    arguments, cwd = _worker(queue, folder, "mine:failing")
    await queue.add("speak", {}, {"attempts": 2})
    with running(*arguments, folder=cwd) as worker:
        for attempt, final in ((1, False), (2, True)):
            line = worker.logged("job failed: no voice")
            assert line["errorType"] == "ValueError" and line["level"] == "warning"
            assert (line["attempt"], line["final"]) == (attempt, final)
        assert _stopped(worker) == 0


async def test_at_the_level_debug_the_log_tells_where_a_failure_was_raised(
    queue: Queue, folder: Path
) -> None:
    arguments, cwd = _worker(queue, folder, "mine:failing")
    await queue.add("speak", {})
    with running(*arguments, folder=cwd, LOG_LEVEL="DEBUG") as worker:
        raised = worker.logged("job failed: no voice")["error"]
        assert "mine.py" in raised and raised.endswith("ValueError: no voice")
        assert _stopped(worker) == 0


@pytest.mark.parametrize("sent", [(signal.SIGTERM,), (signal.SIGHUP, signal.SIGHUP)])
async def test_at_a_signal_the_running_job_finishes_and_no_other_begins(
    queue: Queue, folder: Path, sent: tuple[int, ...]
) -> None:
    arguments, cwd = _worker(queue, folder, "mine:until_told")
    first, second = await queue.add("n", {}), await queue.add("n", {})
    with running(*arguments, folder=cwd) as worker:
        worker.logged("begun")
        for number in sent:
            worker.send(number)
        assert worker.logged("stopping: running jobs may finish")["running"] == 1
        (folder / "go").touch()
        assert worker.wait() == 0
    assert await queue.getJobState(str(first.id)) == "completed"
    assert await queue.getJobState(str(second.id)) == "waiting"


@pytest.mark.parametrize("how", ["second signal", "grace"])
@pytest.mark.parametrize("reference", ["mine:until_told", "mine:blocking"])
async def test_a_job_that_does_not_end_is_left_to_other_workers(
    queue: Queue, folder: Path, how: str, reference: str
) -> None:
    grace = "0.2" if how == "grace" else "600"
    arguments, cwd = _worker(queue, folder, reference, "--grace", grace, "--lock", "1")
    job = await queue.add("n", {})
    with running(*arguments, folder=cwd) as worker:
        worker.logged("begun")
        worker.send(signal.SIGTERM)
        worker.logged("stopping: running jobs may finish")
        if how == "second signal":
            worker.send(signal.SIGTERM)
        assert worker.logged("stopping now: jobs are left to others")["left"] == 1
        assert worker.wait() == 1
    (folder / "go").touch()
    arguments, cwd = _worker(queue, folder, "mine:until_told")
    with running(*arguments, folder=cwd) as other:
        assert await _result(queue, job) == {"by": "patience"}
        assert _stopped(other) == 0


@pytest.mark.parametrize(("options", "deaths"), [((), 3), (("--max-stalled", "0"), 1)])
async def test_a_job_that_kills_its_workers_fails_after_as_many_as_are_allowed(
    queue: Queue, folder: Path, options: tuple[str, ...], deaths: int
) -> None:
    job = await queue.add("n", {}, {"attempts": 3})
    arguments, cwd = _worker(queue, folder, "mine:deadly", "--lock", "1", *options)
    for _ in range(deaths):
        with running(*arguments, folder=cwd) as worker:
            assert worker.wait() == -signal.SIGKILL
    with running(*arguments, folder=cwd) as worker:
        with pytest.raises(JetbullError, match="job stalled more than allowable limit"):
            await _result(queue, job)
        assert _stopped(worker) == 0


async def test_it_ends_with_the_program_that_started_it(queue: Queue, folder: Path) -> None:
    arguments, cwd = _worker(queue, folder, "mine:by_coroutine", "--until-eof")
    with running(*arguments, folder=cwd) as worker:
        worker.logged("worker ready")
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        assert worker.wait() == 0


def test_without_a_server_it_says_how_to_start_one_and_keeps_trying(folder: Path) -> None:
    url = "nats://127.0.0.1:9"
    with running("worker", "mine:factory", "--nats-url", url, folder=folder) as worker:
        said = worker.line(lambda line: "No NATS server answers" in line)
        assert "jetbull server" in said and "docker compose up -d nats" in said
        assert worker.process.poll() is None
        assert _stopped(worker) == 0


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("mine", "'mine' names no processor: write it as module:attribute"),
        ("mine:", "'mine:' names no processor: write it as module:attribute"),
        ("nowhere:worker", "There is no module 'nowhere' in "),
        ("mine.py:by_function", "'mine.py' is a file and no module: write it as in an import, "),
        ("mine:missing", "'mine:missing' names nothing: mine has no attribute 'missing'."),
        ("mine:nothing", "'mine:nothing' is an object of type int and no processor"),
        ("broken:worker", "The module 'broken' cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_reference_that_leads_nowhere_is_explained(
    folder: Path, nats_url: str, reference: str, sentence: str
) -> None:
    (folder / "broken.py").write_text("1 / 0\n")
    said = sentence_of("worker", reference, folder=folder, environment={"NATS_URL": nats_url})
    assert said.startswith(f"jetbull: {sentence}")
    assert len(said.splitlines()) == 1


def test_a_worker_of_the_callers_own_cannot_run_its_jobs_in_processes(folder: Path) -> None:
    (folder / "own.py").write_text(
        "from jetbull import Worker\n"
        "import mine\n"
        "worker = Worker('q', mine.by_coroutine, {'autorun': False})\n"
    )
    said = sentence_of("worker", "own:worker", "--pool", "processes", folder=folder)
    assert said.startswith("jetbull: 'own:worker' is a Worker, whose jobs run in this process: for")
    assert len(said.splitlines()) == 1


def test_the_workload_without_its_extra_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'sqlalchemy'\", name='sqlalchemy')\n"
    )
    told = sentence_of("worker", "audibook.worker:worker", folder=tmp_path)
    assert told == (
        "jetbull: The Python package sqlalchemy is not installed: "
        "`pip install 'jetbull[audiobook]'` brings it.\n"
    )
