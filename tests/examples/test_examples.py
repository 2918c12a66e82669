"""Every example, run as a reader runs it, against a real server; it prints what it says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest

from jetbull.server import EmbeddedServer

EXAMPLES = Path(__file__).parents[2] / "examples"

_OLD_CALLER = [
    "completed: hello Ada",
    "failed: this one cannot work",
    "{'wait': 0, 'completed': 0, 'failed': 1}",
    "ran on jetbull",
]
PRINTED = {
    "first_job.py": [
        "sending welcome to ada@example.org",
        "job welcome is completed: sent",
    ],
    "retries_and_backoff.py": [
        "try 1 failed: the partner does not answer",
        "try 2 failed: the partner does not answer",
        "answered at attempt 3",
        "waited 100 + 200 ms between the tries: True",
        "try 1 failed: an order needs an account",
        "failed: an order needs an account",
        "try 1 failed: the partner does not answer",
        "answered at attempt 3",
    ],
    "custom_backoff.py": [
        "report: too many requests, come back in 200 ms",
        "report: no answer",
        "accepted",
        "forbidden: not yours",
        "gave up after 1 try of 5",
    ],
    "delayed_jobs.py": [
        "now it is delayed",
        "never early: True",
        "not before the moment: True",
        "promoted: completed",
    ],
    "priorities_and_lifo.py": [
        "lifo",
        "no priority, first",
        "no priority, second",
        "priority 1",
        "was 500, now 5",
        "priority 10, first",
        "priority 10, second",
    ],
    "flows.py": [
        "the book is waiting-children",
        "its pages are ['waiting', 'waiting', 'waiting']",
        "{'words': 300, 'missing': ['page 3 is torn out']}",
        "in the end: ['completed', 'completed', 'failed']",
    ],
    "schedulers.py": [
        "beat, number 1",
        "beat, number 2",
        "beat, number 3",
        "the report comes at half past of an hour: True",
        "its job waits already: ['daily report']",
        "schedulers: 2",
        "pending jobs: 0",
    ],
    "events.py": [
        "result: 42",
        "['active twice', 'got 42']",
        "{'jobId': 'twice', 'page': '12'}",
        "['added', 'waiting', 'active', 'completed']",
    ],
    "deduplication.py": [
        "the same job: True",
        "listeners know: True",
        "jobs for 5 adds: 1",
        "to be saved: ['Hello']",
        "the first one stays: {'year': 2026}",
    ],
    "rate_limit.py": [
        "11 jobs in three windows: True",
        "served, attempts made before: 0",
        "after the pause: True",
        "limit of the queue: {'max': 2, 'duration': 60000}",
    ],
    "tracing.py": [
        "one trace: True",
        "the work belongs to the call: True",
        "welcome job completed",
    ],
    "global_concurrency.py": ["at once: 2", "limit: 2", "limit: None"],
    "pausing.py": [
        "paused: True and the job is waiting",
        "while the queue is paused done",
        "worker paused: True and the job is waiting",
        "while the worker is paused done",
    ],
    "cancelling.py": [
        "heard: True",
        "failed: no longer needed by render",
        "heard: True",
        "failed: no longer needed by fetch",
        "removed: True",
        "state: unknown",
    ],
    "manual_processing.py": [
        "took {'n': 1} which is active",
        "lock kept: True",
        "now it is completed",
        "failed because of a bad row",
        "and the third is delayed",
        "nothing is left: None",
    ],
    "blocking_work.py": [
        "call 0 done",
        "call 1 done",
        "call 2 done",
        "call 3 done",
        "side by side: 4",
        "computed: 8a892af0",
    ],
    "logs_and_progress.py": [
        "progress heard: ['1/4', '2/4', '3/4', '4/4']",
        "progress stored: {'page': 4, 'of': 4}",
        "3 rows: ['page 2 converted', 'page 3 converted', 'page 4 converted']",
        "the newest: ['page 4 converted']",
    ],
    "migrating.py": [
        "run: 4 jobs carried, 0 left in Redis.",
        "verify: Nothing is lost: 4 jobs equal, 0 moved on since, 0 left in Redis.",
        "rollback: 4 jobs back in Redis; old workers may run again.",
        "run: 4 jobs carried, 0 left in Redis.",
        "worked on page 1, page 2, page 3",
        "next-year is delayed",
        "the next id is 5",
    ],
    "install_as_bullmq.py": _OLD_CALLER,
}
ELSEWHERE = {"fastapi_app.py", "old_caller.py"}  # have tests of their own below


def _run(*command: str, url: str, warn: str = "error") -> str:
    """What the command prints; the test fails if it fails or warns."""
    finished = subprocess.run(
        [sys.executable, "-W", warn, *command],
        env={**os.environ, "NATS_URL": url},
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_shows(name: str, nats_server: EmbeddedServer) -> None:
    warn = "default" if PRINTED[name] is _OLD_CALLER else "error"  # it warns of the Redis options
    printed = _run(str(EXAMPLES / name), url=nats_server.url, warn=warn)
    assert printed.splitlines() == PRINTED[name]


def test_an_old_caller_runs_untouched_under_jetbull_exec(nats_server: EmbeddedServer) -> None:
    command = ("-m", "jetbull.cli", "exec", "--", "python", str(EXAMPLES / "old_caller.py"))
    assert _run(*command, url=nats_server.url).splitlines() == _OLD_CALLER


def test_the_example_of_tests_passes_under_pytest(nats_server: EmbeddedServer) -> None:
    # With the plugins alone that the page tells to install.
    without = [
        word for name in ("cacheprovider", "timeout", "xdist") for word in ("-p", f"no:{name}")
    ]
    command = ("-m", "pytest", "-q", *without, str(EXAMPLES / "testing"))
    assert "3 passed" in _run(*command, url=nats_server.url)


@pytest.fixture
def web_service(nats_server: EmbeddedServer) -> Iterator[str]:
    """The address of the FastAPI example, which must end cleanly."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--port", str(port)]
    environment = {**os.environ, "NATS_URL": nats_server.url}
    service = subprocess.Popen(command, cwd=EXAMPLES, env=environment, stderr=subprocess.PIPE)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        service.terminate()
        _, said = service.communicate(timeout=20)
    assert b"Application shutdown complete" in said


async def test_the_web_service_makes_a_report(web_service: str) -> None:
    async with httpx.AsyncClient(base_url=web_service, timeout=15) as client:
        await _answers(client)
        ordered = await client.post("/reports", params={"year": 2026})
        assert ordered.status_code == 202
        job_id = ordered.json()["id"]
        result = await client.get(f"/reports/{job_id}/result")
        assert result.json() == {"result": "the report of 2026"}
        state = await client.get(f"/reports/{job_id}")
        assert state.json() == {
            "state": "completed",
            "progress": 50,
            "result": "the report of 2026",
        }
        assert (await client.get("/reports/no-such")).status_code == 404


async def _answers(client: httpx.AsyncClient) -> None:
    """Returns when the service accepts connections; TimeoutError if it never does."""
    with anyio.fail_after(30):
        while True:
            try:
                await client.get("/docs")
            except httpx.ConnectError:
                await anyio.sleep(0.05)
            else:
                return


def test_every_example_is_run_and_listed() -> None:
    files = {path.name for path in EXAMPLES.glob("*.py")}
    assert files == set(PRINTED) | ELSEWHERE
    listed = (EXAMPLES / "README.md").read_text()
    assert [name for name in sorted(files) if f"({name})" not in listed] == []
