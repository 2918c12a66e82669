"""`jetbull exec -- program`: the program is untouched and uses jetbull."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.compat.conftest import Run

WHOSE = "import bullmq; print(bullmq.Queue.__module__)\n"

CALLER = """
import asyncio
from bullmq import Queue, Worker

async def main():
    queue = Queue("paint", {"connection": {"host": "localhost", "port": 6379}})
    done = asyncio.Event()

    async def process(job, token):
        return job.data["color"].upper()

    worker = Worker("paint", process, {"connection": "redis://localhost:6379"})
    worker.on("completed", lambda job, result: (print(job.id, result), done.set()))
    await queue.add("cars", {"color": "blue"})
    await asyncio.wait_for(done.wait(), 20)
    await worker.close()
    await queue.close()

asyncio.run(main())
"""


def test_an_old_caller_runs_unchanged(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "old_caller.py").write_text(CALLER)
    finished = execute("python", "old_caller.py")
    assert finished.stdout.split() == ["1", "BLUE"]
    assert finished.stderr.count("jetbull keeps jobs in NATS") == 1


def test_a_program_whose_warnings_are_errors_is_only_told(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "old_caller.py").write_text(CALLER)
    finished = execute("python", "-W", "error", "old_caller.py")
    assert finished.stdout.split() == ["1", "BLUE"]
    assert finished.stderr.count("jetbull keeps jobs in NATS") == 1


WITHOUT_A_SERVER = """
import asyncio
import redis
from bullmq import Queue

async def main():
    queue = Queue("paint", {"connection": "redis://localhost:6379"})
    for call in (lambda: queue.add("cars", {}), queue.client.ping):
        try:
            await call()
        except redis.exceptions.ConnectionError as error:
            print("503", isinstance(error, redis.RedisError))
    await queue.close()

asyncio.run(main())
"""


def test_a_program_catches_the_errors_of_redis_where_no_server_is(
    execute: Run, tmp_path: Path
) -> None:
    (tmp_path / "old_caller.py").write_text(WITHOUT_A_SERVER)
    finished = execute("python", "old_caller.py", env={"NATS_URL": "nats://localhost:1"})
    assert finished.stdout.split() == ["503", "True"] * 2


def test_it_works_for_modules(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(WHOSE)
    assert execute("python", "-m", "caller").stdout.strip() == "jetbull.queue"


def test_it_works_for_pytest(execute: Run, tmp_path: Path) -> None:
    test = (
        "import bullmq\n\ndef test_it():\n    assert bullmq.Queue.__module__ == 'jetbull.queue'\n"
    )
    (tmp_path / "test_old.py").write_text(test)
    assert "1 passed" in execute("pytest", "-q", "-p", "no:cacheprovider", "test_old.py").stdout


def test_it_holds_in_the_programs_own_subprocesses(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(WHOSE)
    parent = "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'], check=True)\n"
    (tmp_path / "parent.py").write_text(parent)
    assert execute("python", "parent.py").stdout.strip() == "jetbull.queue"


def test_it_wins_over_a_bullmq_beside_the_program(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "bullmq.py").write_text("raise RuntimeError('the wrong one')\n")
    (tmp_path / "caller.py").write_text(WHOSE)
    assert execute("python", "caller.py").stdout.strip() == "jetbull.queue"


def test_what_a_test_puts_into_bullmq_is_what_the_program_finds_there(execute: Run) -> None:
    code = (
        "import bullmq, jetbull, sys; from unittest import mock\n"
        "with mock.patch('bullmq.Queue', 'a mock'):\n    print(bullmq.Queue)\n"
        "print(bullmq is sys.modules['bullmq'] is jetbull)"
    )
    assert execute("python", "-c", code).stdout.split("\n")[:2] == ["a mock", "True"]


def test_a_program_that_does_not_ask_for_bullmq_does_not_load_jetbull(execute: Run) -> None:
    code = "import sys; print('jetbull' in sys.modules)"
    assert execute("python", "-c", code).stdout.strip() == "False"


def test_a_sitecustomize_of_the_environment_still_runs(execute: Run, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("MARK = 'mine'\n")
    code = "import sitecustomize; print(sitecustomize.MARK)"
    finished = execute("python", "-c", code, env={"PYTHONPATH": str(tmp_path)})
    assert finished.stdout.strip() == "mine"


def test_arguments_and_exit_code_are_the_programs(execute: Run, run: Run) -> None:
    code = "import sys; print(sys.argv[1:])"
    finished = execute("python", "-c", code, "--", "--help", "-x")
    assert finished.stdout.strip() == "['--', '--help', '-x']"
    script = (
        "import subprocess, sys; sys.exit(0 if subprocess.run(sys.argv[1:]).returncode == 7 else 1)"
    )
    jetbull = (sys.executable, "-m", "jetbull.cli")
    run(sys.executable, "-c", script, *jetbull, "exec", "python", "-c", "exit(7)")


def test_a_program_that_does_not_exist_is_named(run: Run) -> None:
    code = (
        "from jetbull.cli import main\n"
        "print(main(['exec', '--', 'no-such-program']), main(['exec']))"
    )
    finished = run(sys.executable, "-c", code)
    assert finished.stdout.strip() == "1 1"
    assert "no-such-program" in finished.stderr
    assert "No program is given" in finished.stderr
