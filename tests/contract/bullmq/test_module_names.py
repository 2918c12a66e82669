"""Import paths and names old callers rely on, and the small helpers behind them."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
from tests.contract.bullmq.backends.backend import PUBLIC_NAMES, Backend
from tests.contract.bullmq.makers import Makers

SUBMODULE_NAMES = {
    "queue": ["Queue"],
    "job": ["Job", "optsFromJSON", "optsDecodeMap", "optsEncodeMap", "getReturnValue"],
    "worker": ["Worker"],
    "flow_producer": ["FlowProducer", "MinimalQueue"],
    "queue_events": ["QueueEvents"],
    "queue_events_producer": ["QueueEventsProducer"],
    "job_scheduler": ["JobScheduler", "default_repeat_strategy"],
    "lock_manager": ["LockManager"],
    "abort_controller": ["AbortController", "AbortSignal", "AbortError"],
    "custom_errors": ["UnrecoverableError", "WaitingChildrenError", "DelayedError"],
    "custom_errors.unrecoverable_error": ["UnrecoverableError"],
    "custom_errors.waiting_children_error": ["WaitingChildrenError"],
    "custom_errors.delayed_error": ["DelayedError"],
    "types": [
        *("BackoffOptions", "ConnectionOptions", "KeepJobs", "JobOptions"),
        *("DeduplicationOptions", "PromoteJobsOptions", "QueueEventsOptions"),
        *("QueueEventsProducerOptions", "QueueBaseOptions", "WorkerOptions"),
        *("RetryJobsOptions", "RepeatOptions", "JobSchedulerJson", "JobSchedulerTemplateJson"),
    ],
    "utils": [
        *("isRedisVersionLowerThan", "extract_result", "get_parent_key"),
        *("parse_json_string_values", "object_to_flat_array", "is_redis_cluster"),
        *("get_cluster_nodes", "get_node_client"),
    ],
    "error_code": ["ErrorCode"],
    "backoffs": ["Backoffs"],
    "event_emitter": ["EventEmitter"],
    "queue_keys": ["QueueKeys"],
    "timer": ["Timer"],
}


def submodule(backend: Backend, path: str) -> ModuleType:
    return importlib.import_module(f"{backend.package}.{path}")


@pytest.mark.parametrize("path", SUBMODULE_NAMES)
def test_a_submodule_offers_its_names(backend: Backend, path: str) -> None:
    module = submodule(backend, path)
    assert [name for name in SUBMODULE_NAMES[path] if not hasattr(module, name)] == []


def test_the_package_offers_its_names_and_version(backend: Backend) -> None:
    package = importlib.import_module(backend.package)
    assert [name for name in PUBLIC_NAMES if not hasattr(package, name)] == []
    assert isinstance(package.__version__, str)


@pytest.mark.parametrize(
    ("path", "name"),
    [("queue", "Queue"), ("job", "Job"), ("worker", "Worker"), ("custom_errors", "DelayedError")],
)
def test_a_name_is_the_same_object_wherever_it_is_imported_from(
    backend: Backend, path: str, name: str
) -> None:
    assert getattr(submodule(backend, path), name) is getattr(backend, name)


def test_error_codes_have_their_numbers(backend: Backend) -> None:
    codes = {code.name: code.value for code in submodule(backend, "error_code").ErrorCode}
    expected = {
        "JobNotExist": -1,
        "JobLockNotExist": -2,
        "JobNotInState": -3,
        "JobPendingDependencies": -4,
        "ParentJobNotExist": -5,
        "JobLockMismatch": -6,
        "ParentJobCannotBeReplaced": -7,
        "JobHasFailedChildren": -9,
        "SchedulerJobIdCollision": -10,
        "SchedulerJobSlotsBusy": -11,
    }
    assert {name: codes.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (250, {"type": "fixed", "delay": 250}),
        ({"type": "exponential", "delay": 5}, {"type": "exponential", "delay": 5}),
        (None, None),
    ],
)
def test_backoffs_are_normalized(backend: Backend, given: Any, normal: Any) -> None:
    assert submodule(backend, "backoffs").Backoffs.normalize(given) == normal


@pytest.mark.parametrize(
    ("kind", "tries", "pause"),
    [("fixed", 1, 100), ("fixed", 5, 100), ("exponential", 1, 100), ("exponential", 4, 800)],
)
async def test_built_in_backoffs_are_calculated(
    backend: Backend, kind: str, tries: int, pause: int
) -> None:
    calculate = submodule(backend, "backoffs").Backoffs.calculate
    assert await calculate({"type": kind, "delay": 100}, tries, None, None, None) == pause


async def test_backoffs_are_calculated_by_the_names_of_their_arguments(backend: Backend) -> None:
    def strategy(attempts_made: int, kind: str, err: Any, job: Any) -> int:
        return attempts_made * 7

    pause = await submodule(backend, "backoffs").Backoffs.calculate(
        backoff={"type": "mine"},
        attempts_made=3,
        err=ValueError("no"),
        job=None,
        customStrategy=strategy,
    )
    assert pause == 21


async def test_without_a_backoff_there_is_no_pause(backend: Backend) -> None:
    calculate = submodule(backend, "backoffs").Backoffs.calculate
    assert not await calculate(None, 1, None, None, None)


def test_stored_option_names_are_decoded(backend: Backend) -> None:
    job = submodule(backend, "job")
    stored = {"fpof": True, "kl": 3, "de": {"id": "d"}, "attempts": 2}
    assert job.optsFromJSON(stored) == {
        "failParentOnFailure": True,
        "keepLogs": 3,
        "deduplication": {"id": "d"},
        "attempts": 2,
    }
    assert job.optsEncodeMap["keepLogs"] == "kl"
    assert job.optsDecodeMap["idof"] == "ignoreDependencyOnFailure"


def test_a_parent_key_is_queue_and_id(backend: Backend) -> None:
    get_parent_key = submodule(backend, "utils").get_parent_key
    assert get_parent_key({"queue": "bull:up", "id": "7"}) == "bull:up:7"
    assert get_parent_key(None) is None


def test_queue_keys_are_built_from_prefix_and_name(backend: Backend) -> None:
    keys = submodule(backend, "queue_keys").QueueKeys("mine")
    assert keys.getQueueQualifiedName("q") == "mine:q"
    assert keys.toKey("q", "wait") == "mine:q:wait"
    assert keys.getKeys("q")["completed"] == "mine:q:completed"


def test_a_repeat_strategy_finds_the_next_time_of_a_pattern(backend: Backend) -> None:
    strategy = submodule(backend, "job_scheduler").default_repeat_strategy
    midnight = 4_102_444_800_000  # 2100-01-01 00:00 UTC
    assert strategy(midnight, {"pattern": "0 6 * * *"}) == midnight + 6 * 3_600_000
    assert strategy(midnight, {}) is None


async def test_all_that_belongs_to_a_queue_knows_its_keys(make: Makers) -> None:
    queue = make.queue()
    for one in (queue, make.events(queue), make.events_producer(queue), make.worker(queue)):
        assert one.keys["events"] == f"{queue.qualifiedName}:events"
