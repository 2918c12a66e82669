"""Values that no version of the library writes, but hands, scripts and other programs do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bull2jet.commands.rollback import rollback
from bull2jet.options import Options
from bull2jet.progress import Silent
from bull2jet.report import Verdict

from .conftest import put_job
from .findings import left

DEEP = "[" * 600 + "]" * 600
SLOT = 2_000_000_000_000


async def test_json_nested_very_deeply_is_carried_as_text_or_named(
    client: Any, options: Options
) -> None:
    put_job(client, "w1", data=DEEP)
    put_job(client, "w2", progress=DEEP)
    put_job(client, "c1", returnvalue=DEEP, finishedOn=1_790_000_000_001)
    put_job(client, "w3", opts=f'{{"a":{DEEP}}}')
    client.hset("bull:q:parent1:processed", "bull:q:one", DEEP)
    assert await left(options) == [("broken-opts", "w3")]
    assert (await rollback(options, Silent())).verdict is Verdict.FINE
    assert client.hget("bull:q:w1", "data") == DEEP.encode()
    assert json.loads(client.hget("bull:q:c1", "returnvalue")) in (DEEP, json.loads(DEEP))


@pytest.mark.parametrize(
    "repeat",
    [
        {"every": [5]}, {"every": "soon"}, {"every": 1e300}, {"every": -5},
        {"every": 1000, "limit": 1e300, "count": "x"},
        {"every": 1000, "endDate": "some day"}, {"every": 1000, "startDate": [1]}, "often", None,
        {"pattern": ["* * * * *"], "tz": 5},
    ],
)  # fmt: skip
async def test_a_repeating_job_whose_options_make_no_sense_hinders_no_other(
    repeat: Any, client: Any, options: Options
) -> None:
    member = "odd::::rule"
    job_id = f"repeat:{member}:{SLOT}"
    client.zadd("bull:q:repeat", {member: SLOT})
    put_job(client, job_id, rjk=member, opts=json.dumps({"repeat": repeat, "prevMillis": SLOT}))
    client.zadd("bull:q:delayed", {job_id: SLOT * 4096})
    assert await left(options) in ([], [("scheduler-lost", "")])


@pytest.mark.parametrize(
    "record",
    [{"ic": "1", "every": "soon"}, {"ic": "1"}, {"ic": "1", "every": "9" * 400}],
)
async def test_a_scheduler_without_a_rule_is_named(
    record: dict[str, str], client: Any, options: Options
) -> None:
    client.zadd("bull:q:repeat", {"odd": SLOT})
    client.hset("bull:q:repeat:odd", mapping=record)
    assert await left(options) == [("scheduler-lost", "")]


@pytest.mark.parametrize(
    "fields",
    [
        {"opts": '{"priority":"high"}'}, {"opts": '{"timestamp":[1]}'},
        {"opts": '{"delay":{"a":1}}'},
        {"pd": '{"id":5}'}, {"opts": DEEP},
    ],
)  # fmt: skip
async def test_a_remembered_add_that_makes_no_sense_is_named(
    fields: dict[str, str], client: Any, options: Options
) -> None:
    client.set("bull:q:de:once", "w1")
    client.hset("bull:q:dn:once", mapping={"name": "n", "data": "{}", "opts": "{}", **fields})
    assert await left(options) == [("remembered-add", "w1")]
