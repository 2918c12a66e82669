"""Options of a Worker: what cannot be is refused, what limits nothing is taken."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.bullmq.makers import Makers
from tests.contract.bullmq.processors import done
from tests.contract.bullmq.signals import Heard
from tests.contract.bullmq.situations import added


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"maxStalledCount": -1}, "maxStalledCount must be greater or equal than 0"),
        ({"maxStartedAttempts": -1}, "maxStartedAttempts must be greater or equal than 0"),
        ({"stalledInterval": 0}, "stalledInterval must be greater than 0"),
        ({"drainDelay": 0}, "drainDelay must be greater than 0"),
        ({"concurrency": 0}, "concurrency must be a finite number greater than 0"),
        ({"concurrency": 0.5}, "concurrency must be a finite number greater than 0"),
        ({"concurrency": float("inf")}, "concurrency must be a finite number greater than 0"),
        ({"concurrency": "10"}, "concurrency must be a finite number greater than 0, not '10'"),
        ({"name": b"mailer"}, "name is a text, not b'mailer'"),
        ({"lockDuration": float("inf")}, "lockDuration must be a finite number greater than 0"),
        ({"lockDuration": "30000"}, "lockDuration must be a number, not '30000'"),
        ({"drainDelay": float("nan")}, "drainDelay must be a number, not nan"),
        ({"stalledInterval": "x"}, "stalledInterval must be a number, not 'x'"),
        ({"lockRenewTime": "1"}, "lockRenewTime must be a number, not '1'"),
        ({"limiter": {"max": "few"}}, "limiter must be {max, duration} in numbers, not "),
        ({"limiter": {"max": 5}}, "limiter needs a max of 1 or more and a duration in "),
        ({"limiter": {"duration": 1000}}, "limiter needs a max of 1 or more and a duration in "),
        ({"limiter": {"max": 0, "duration": 1000}}, "limiter needs a max of 1 or more and a "),
        ({"limiter": {"max": 5, "duration": -1}}, "limiter needs a max of 1 or more and a "),
        ({"settings": 5}, "settings is a dictionary, not 5"),
        (
            {"settings": {"backoffStrategy": "exponential"}},
            "settings.backoffStrategy is a function that gives milliseconds, not 'exponential'",
        ),
        ({"metrics": 5}, "metrics must be {maxDataPoints} in numbers, not 5"),
        ({"removeOnFail": "no"}, "removeOnComplete and removeOnFail take true, a number or"),
    ],
)
async def test_impossible_options_are_refused(
    make: Makers, queue: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make.backend.Worker(queue.name, done, make.options(options))
    assert await queue.get_workers_count() == 0


async def test_an_option_that_is_none_is_one_that_was_not_given(make: Makers, queue: Any) -> None:
    names = ["lockDuration", "lockRenewTime", "drainDelay", "stalledInterval", "maxStalledCount"]
    nothing = dict.fromkeys([*names, "maxStartedAttempts"])
    worker = make.worker(queue, done, **nothing)
    assert worker.opts["drainDelay"] == 5
    await added(queue, 1)
    await Heard(worker, "completed").once()


async def test_a_limiter_without_a_maximum_limits_nothing(make: Makers, queue: Any) -> None:
    await added(queue, 3)
    worker = make.worker(queue, done, limiter={"max": None, "duration": 600_000})
    await Heard(worker, "completed").times(3)


async def test_a_miswritten_setting_of_a_worker_is_told(make: Makers, queue: Any) -> None:
    options = make.options({"settings": {"backoffStrategies": {"own": done}}, "autorun": False})
    with pytest.warns(UserWarning, match="did you mean 'backoffStrategy'"):
        worker = make.backend.Worker(queue.name, done, options)
    await worker.close()


async def test_a_file_name_is_no_processor(make: Makers, queue: Any) -> None:
    with pytest.raises(ValueError, match=r"^processor is '/tmp/processor\.js': give a function"):
        make.backend.Worker(queue.name, "/tmp/processor.js", make.options({}))


@pytest.mark.parametrize("keep", [float("inf"), {"age": float("inf")}, {"count": float("inf")}])
async def test_an_endless_number_or_age_keeps_all(make: Makers, queue: Any, keep: Any) -> None:
    completed = Heard(make.worker(queue, done, removeOnComplete=keep), "completed")
    await queue.add("job", {})
    await completed.times(1)
    assert await queue.getCompletedCount() == 1
