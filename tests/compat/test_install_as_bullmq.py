"""`jetbull.install_as_bullmq()`: one line, and `import bullmq` gives jetbull."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.compat.conftest import Run

INSTALL = "import jetbull; jetbull.install_as_bullmq()\n"


def python(run: Run, code: str) -> str:
    return run(sys.executable, "-c", INSTALL + code).stdout.strip()


@pytest.mark.parametrize(
    "line",
    [
        "from bullmq import Queue, Worker, Job, FlowProducer, QueueEvents, QueueEventsProducer",
        "from bullmq import JobScheduler, LockManager, AbortController, AbortSignal, AbortError",
        "from bullmq import UnrecoverableError, WaitingChildrenError, DelayedError, __version__",
        "from bullmq import MetricNames, MetricsTime, SpanKind, TelemetryAttributes",
        "from bullmq.queue import Queue",
        "from bullmq.job import Job, optsFromJSON, optsDecodeMap, optsEncodeMap, getReturnValue",
        "from bullmq.worker import Worker",
        "from bullmq.flow_producer import FlowProducer, MinimalQueue",
        "from bullmq.queue_events import QueueEvents",
        "from bullmq.queue_events_producer import QueueEventsProducer",
        "from bullmq.job_scheduler import JobScheduler, default_repeat_strategy",
        "from bullmq.lock_manager import LockManager",
        "from bullmq.abort_controller import AbortController, AbortSignal, AbortError",
        "from bullmq.custom_errors import UnrecoverableError, WaitingChildrenError, DelayedError",
        "from bullmq.custom_errors.delayed_error import DelayedError",
        "from bullmq.types import BackoffOptions, ConnectionOptions, KeepJobs, JobOptions",
        "from bullmq.types import QueueBaseOptions, WorkerOptions, RetryJobsOptions, RepeatOptions",
        "from bullmq.types.keep_jobs import KeepJobs",
        "from bullmq.types.worker_options import WorkerOptions",
        "from bullmq.utils import get_parent_key, parse_json_string_values, extract_result",
        "from bullmq.error_code import ErrorCode",
        "from bullmq.backoffs import Backoffs",
        "from bullmq.event_emitter import EventEmitter",
        "from bullmq.queue_keys import QueueKeys",
        "from bullmq.timer import Timer",
        "import bullmq.types, bullmq.backoffs, bullmq.timer; bullmq.types.keep_jobs.KeepJobs",
    ],
)
def test_an_old_import_gives_jetbull(run: Run, line: str) -> None:
    origin = "import sys; print(sys.modules['bullmq'].Queue.__module__)"
    assert python(run, f"{line}\n{origin}") == "jetbull.queue"


def test_the_classes_are_the_same_objects(run: Run) -> None:
    code = "import bullmq, bullmq.worker as w; print(bullmq is jetbull, w.Worker is jetbull.Worker)"
    assert python(run, code) == "True True"


def test_jetbulls_modules_keep_their_own_names(run: Run) -> None:
    code = "import importlib, bullmq.job as j; print(j.__name__, j.__spec__.name)"
    assert python(run, code) == "jetbull.job jetbull.job"


def test_installing_twice_changes_nothing(run: Run) -> None:
    code = "jetbull.install_as_bullmq(); import bullmq; print(bullmq.Job is jetbull.Job)"
    assert python(run, code) == "True"


@pytest.mark.parametrize("module", ["postgres", "backends.postgres_backend", "unheard_of"])
def test_a_module_that_is_not_there_is_refused_with_a_reason(run: Run, module: str) -> None:
    code = (
        f"try:\n    import bullmq.{module}\nexcept ModuleNotFoundError as error:\n    print(error)"
    )
    assert f"bullmq.{module} has no counterpart" in python(run, code)


@pytest.mark.parametrize(
    "line",
    [
        "from bullmq.scripts import Scripts as Taken",
        "from bullmq.backends.redis_backend import RedisBackend as Taken",
    ],
)
def test_what_speaks_to_redis_can_be_imported_and_says_why_it_cannot_be_made(
    run: Run, line: str
) -> None:
    code = (
        f"{line}\nprint(isinstance(jetbull.Queue('q').backend, Taken))\n"
        "try:\n    Taken('q')\nexcept jetbull.JetbullError as error:\n    print(error)"
    )
    told = python(run, code).splitlines()
    assert told[0] == "False"
    assert "speaks to Redis" in told[1]


def test_a_connection_made_by_hand_reaches_the_server_and_empties_it(run: Run) -> None:
    code = (
        "import asyncio\nfrom bullmq import Queue\n"
        "from bullmq.redis_connection import RedisConnection\n"
        "async def main():\n"
        "    queue = Queue('mail')\n"
        "    await queue.add('letter', {})\n"
        "    connection = RedisConnection()\n"
        "    print(await connection.conn.ping(), await connection.conn.flushall())\n"
        "    await connection.close()\n"
        "    print(await queue.getWaitingCount())\n"
        "    await queue.close()\n"
        "asyncio.run(main())\n"
    )
    assert python(run, code).split() == ["True", "True", "0"]


@pytest.mark.parametrize(
    "line",
    [
        "from bullmq.worker import Job, UnrecoverableError, WaitingChildrenError, WorkerOptions",
        "from bullmq.job import Backoffs, JobOptions, UnrecoverableError, get_parent_key",
        "from bullmq.queue import Job, PromoteJobsOptions, QueueBaseOptions, RetryJobsOptions",
        "from bullmq.flow_producer import ErrorCode, Job, QueueBaseOptions, QueueKeys",
        "from bullmq.queue_events import QueueEventsOptions, QueueKeys",
        "from bullmq.job_scheduler import RepeatOptions, optsFromJSON",
        "from bullmq.backoffs import BackoffOptions",
        "from bullmq.types.retry_job_options import RetryJobsOptions",
    ],
)
def test_names_are_found_where_bullmqs_modules_have_them_from_each_other(
    run: Run, line: str
) -> None:
    assert python(run, f"{line}\nprint('found')") == "found"


def test_installing_after_the_real_bullmq_was_imported_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bullmq.py").write_text("# another library of that name\n")
    code = (
        "import sys; sys.path.insert(0, '.')\nimport bullmq, jetbull\n"
        "try:\n    jetbull.install_as_bullmq()\n"
        "except jetbull.JetbullError as error:\n    print(error)"
    )
    assert run(sys.executable, "-c", code).stdout.startswith("bullmq is imported already")
