"""Old callers that run an event loop for each call and close nothing."""

from __future__ import annotations

import sys

from tests.compat.conftest import Run

CALLS = """
import asyncio, gc, os, jetbull
queue = jetbull.Queue("mail")

def files_after_a_call():
    asyncio.run(queue.add("letter", {}))
    gc.collect()
    return len(os.listdir("/dev/fd"))

first = files_after_a_call()
print([files_after_a_call() - first for _ in range(3)])
print(len(asyncio.run(queue.getJobs(["waiting"]))))
"""

LEFT_OPEN = """
import asyncio, os, jetbull, jetbull.testing
from jetbull.connection import target_of
from jetbull.ledger.hub import acquire
from jetbull.ledger.streams.streams import all_prefix_streams
queue = jetbull.Queue("mail")
asyncio.run(queue.add("letter", {}))

async def later():
    async with jetbull.Queue("post") as other:
        await other.add("parcel", {})
    await jetbull.testing.flush()
    hold = await acquire(target_of(None))
    print(await all_prefix_streams(hold.wire))
    await hold.release()

asyncio.run(later())
"""

OUTSIDE = """
import asyncio, warnings, jetbull
warnings.simplefilter("error", RuntimeWarning)
for kind, made in (
    ("Worker", lambda: jetbull.Worker("mail", print)),
    ("QueueEvents", lambda: jetbull.QueueEvents("mail")),
):
    try:
        made()
    except (jetbull.ConfigurationError, RuntimeWarning) as told:
        assert str(told).startswith(f"A {kind} "), told
        assert f"make the {kind} in an async function, or with autorun: False" in str(told)
        print("told")
"""

A_LOOP_OF_ITS_OWN = """
import asyncio, warnings, jetbull
warnings.simplefilter("ignore", RuntimeWarning)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
done = loop.create_future()
worker = jetbull.Worker("mail", lambda job: job.name)
worker.on("completed", lambda job, result: done.set_result(result))
queue = jetbull.Queue("mail")
loop.run_until_complete(queue.add("letter", {}))
print(loop.run_until_complete(done))
loop.run_until_complete(worker.close())
loop.run_until_complete(queue.close())
"""

OVER_AT_ONCE = """
import asyncio, jetbull

async def main():
    queue = jetbull.Queue("mail")
    worker = jetbull.Worker("mail", print)

asyncio.run(main())
"""

CLOSED_AT_ONCE = """
import asyncio, jetbull

async def main():
    await jetbull.Worker("mail", print).close()

asyncio.run(main())
"""

# What threads with a loop each do, step by step: the second one opens the queue while the first one
# is about to.
LOOPS_THAT_TAKE_TURNS = """
import asyncio, jetbull
queue = jetbull.Queue("mail")
first, second = asyncio.new_event_loop(), asyncio.new_event_loop()

async def add(name):
    return (await asyncio.wait_for(queue.add(name, {}), 10)).name

letter = first.create_task(add("letter"))
for _ in range(3):
    first.call_soon(first.stop)
    first.run_forever()
print(second.run_until_complete(add("parcel")))
print(first.run_until_complete(letter))
print(second.run_until_complete(add("card")))
print(first.run_until_complete(add("bill")))
print(len(second.run_until_complete(queue.getWaiting())))
second.run_until_complete(queue.close())
"""

# Before Python 3.12 there is none, and this is a bulk like any other.
TASKS_BEGIN_AT_ONCE = """
import asyncio, jetbull

async def main():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))
    done, results = loop.create_future(), []
    worker = jetbull.Worker("mail", lambda job: job.data, {"concurrency": 2})

    def note(job, result):
        results.append(result)
        if len(results) == 30:
            done.set_result(sorted(results) == list(range(30)))

    worker.on("completed", note)
    async with jetbull.Queue("mail") as queue:
        letters = [{"name": "letter", "data": n} for n in range(30)]
        await asyncio.wait_for(queue.addBulk(letters), 20)
        print(await asyncio.wait_for(done, 20))
    await worker.close()

asyncio.run(main())
"""


def test_what_begins_where_no_event_loop_runs_says_so(run: Run) -> None:
    assert run(sys.executable, "-c", OUTSIDE).stdout.split() == ["told", "told"]


def test_nothing_but_that_is_said_where_no_event_loop_runs(run: Run) -> None:
    assert run(sys.executable, "-c", OUTSIDE).stderr == ""


def test_a_program_that_ends_before_its_worker_has_begun_is_told_so(run: Run) -> None:
    said = run(sys.executable, "-c", OVER_AT_ONCE).stderr
    assert said.startswith("Worker of mail: its event loop ended before it had begun to work.")
    assert said.count("\n") == 1
    assert run(sys.executable, "-c", CLOSED_AT_ONCE).stderr == ""


def test_a_worker_made_before_its_loop_runs_works_once_it_does(run: Run) -> None:
    assert run(sys.executable, "-c", A_LOOP_OF_ITS_OWN).stdout.strip() == "letter"


def test_one_loop_for_each_call_leaves_one_connection_open_not_one_for_each(run: Run) -> None:
    assert run(sys.executable, "-c", CALLS).stdout.split("\n")[:2] == ["[0, 0, 0]", "4"]


def test_the_server_hears_that_a_loop_with_an_open_queue_has_ended(run: Run) -> None:
    assert run(sys.executable, "-c", LEFT_OPEN).stdout.strip() == "[]"


def test_a_loop_whose_tasks_begin_at_once_adds_bulks_and_works(run: Run) -> None:
    assert run(sys.executable, "-c", TASKS_BEGIN_AT_ONCE).stdout.strip() == "True"


def test_a_queue_may_be_used_by_several_loops_at_once(run: Run) -> None:
    said = run(sys.executable, "-c", LOOPS_THAT_TAKE_TURNS).stdout.split()
    assert said == ["parcel", "letter", "card", "bill", "4"]
