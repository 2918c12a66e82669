"""What a killed worker of the old library left half done goes on as the library would go on."""

from __future__ import annotations

import json
import time

from bull2jet.commands.rollback import rollback
from bull2jet.commands.run import run
from bull2jet.commands.verify import verify
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import RedisServer, put_job
from .working import worker_on

MEMBER, ID = "tick::::60000", "6df48738d4b2b1025f7fbce51d439d46"


def put_iteration(server: RedisServer, slot: int) -> str:
    """A job of the repeatable job that an old worker, which is gone, had taken."""
    job_id = f"repeat:{ID}:{slot}"
    opts = {"repeat": {"every": 60_000, "count": 7}, "jobId": job_id, "prevMillis": slot}
    fields = {"rjk": MEMBER, "opts": json.dumps(opts), "ats": 1}
    put_job(server.client, job_id, name="tick", data='{"n":1}', **fields)
    server.client.lpush("bull:q:active", job_id)
    return job_id


async def test_a_repeating_job_whose_next_one_was_not_added_yet_goes_on_from_the_one_that_ran(
    redis_server: RedisServer, options: Options
) -> None:
    client = redis_server.client
    slot = (int(time.time()) // 60 - 3) * 60_000
    earlier, ran = (put_iteration(redis_server, at) for at in (slot - 60_000, slot))
    client.zadd("bull:q:repeat", {MEMBER: slot + 60_000})
    client.set("bull:q:id", 1)
    report = await run(options, Silent())
    assert report.verdict is Verdict.FINE, report.findings
    assert (await verify(options, Silent())).verdict is Verdict.FINE
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.zscore("bull:q:repeat", MEMBER) == slot  # the library goes on from either
    assert (await run(options, Silent())).verdict is Verdict.FINE
    async with worker_on(options, "q") as shift:
        await shift.until(earlier, ran)
        (rule,) = await shift.queue.getJobSchedulers()
        assert (rule["key"], rule["name"], rule["every"]) == (ID, "tick", 60_000)
        assert rule["next"] > time.time() * 1000
        (upcoming,) = await shift.queue.getDelayed()
        assert (upcoming.id, upcoming.data) == (f"repeat:{ID}:{rule['next']}", {"n": 1})
    assert (await verify(options, Silent())).verdict is Verdict.FINE
