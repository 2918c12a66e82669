"""The calls that only look."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.unit.http.interface import taken
from tests.unit.http.outcomes import completed, failed

from jetbull import Queue
from jetbull.types import JobOptions

_LISTED = {
    "id",
    "name",
    "data",
    "timestamp",
    "processedOn",
    "finishedOn",
    "progress",
    "attemptsMade",
    "failedReason",
    "stacktrace",
    "returnvalue",
}
_DETAILED = {*_LISTED, "state", "opts"}


async def test_the_status_counts_the_five_states(api: httpx.AsyncClient, queue: Queue) -> None:
    await completed(queue, "done")
    await failed(queue, "broken")
    await queue.addBulk([{"name": "n", "data": {}}, {"name": "n", "data": {}}])
    await queue.add("n", {}, {"delay": 60_000})
    body = taken(await api.get("/api/queue/status"), 200)
    info: Any = body.pop("streamInfo")
    assert body == {
        "waiting": 2,
        "active": 0,
        "completed": 1,
        "failed": 1,
        "delayed": 1,
        "total": 5,
    }
    assert set(info) == {"messages", "bytes", "firstSeq", "lastSeq"}
    assert info["messages"] > 0 and info["lastSeq"] >= info["firstSeq"] > 0


async def test_a_list_holds_the_first_101_jobs_of_a_state(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    jobs = [{"name": "n", "data": {"number": number}} for number in range(105)]
    await queue.addBulk(jobs)
    body = taken(await api.get("/api/queue/jobs/waiting"), 200)
    listed: Any = body["jobs"]
    assert [job["data"]["number"] for job in listed] == list(range(101))
    assert body["status"] == "waiting" and body["total"] == 101
    assert {frozenset(job) for job in listed} == {frozenset(_LISTED)}


async def test_finished_jobs_are_listed_with_their_outcome(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    await completed(queue, "done", {"spoken": 3.5})
    await failed(queue, "broken", "The voice is hoarse.")
    (done,) = (await api.get("/api/queue/jobs/completed")).json()["jobs"]
    assert done["id"] == "done" and done["returnvalue"] == {"spoken": 3.5}
    assert done["timestamp"] <= done["processedOn"] <= done["finishedOn"]
    assert done["attemptsMade"] == 1 and done["failedReason"] is None
    (broken,) = (await api.get("/api/queue/jobs/failed")).json()["jobs"]
    assert broken["failedReason"] == "The voice is hoarse." and broken["returnvalue"] is None
    assert isinstance(broken["stacktrace"], list) and broken["stacktrace"]


async def test_half_a_surrogate_pair_in_one_job_hides_no_list(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    body = rb'{"bookId": "b\ud83dc", "s3Key": "\u05d0"}'
    added = await api.post(
        "/api/queue/parse-epub", content=body, headers={"content-type": "application/json"}
    )
    job_id = added.json()["jobId"]
    await queue.add("n", {"fine": True})
    listed = (await api.get("/api/queue/jobs/waiting")).json()["jobs"]
    found = (await api.get(f"/api/queue/job/{job_id}")).json()["job"]
    assert [job["data"]["bookId"] for job in (listed[0], found)] == ["b\ud83dc", "b\ud83dc"]
    assert found["data"]["s3Key"] == "\u05d0" and listed[1]["data"] == {"fine": True}


@pytest.mark.parametrize("status", ["active", "delayed", "completed", "failed", "waiting"])
async def test_an_empty_state_is_an_empty_list(api: httpx.AsyncClient, status: str) -> None:
    body = taken(await api.get(f"/api/queue/jobs/{status}"), 200)
    assert body == {"jobs": [], "status": status, "total": 0}


@pytest.mark.parametrize("status", ["paused", "wait", "Waiting", "waiting-children", "x"])
async def test_an_unknown_state_is_answered_with_the_known_ones(
    api: httpx.AsyncClient, status: str
) -> None:
    assert taken(await api.get(f"/api/queue/jobs/{status}"), 200) == {
        "error": "Invalid status. Use: waiting, active, completed, failed, or delayed"
    }


@pytest.mark.parametrize(
    "job_id", ["plain", "user/1 page 2", "a:b:c", "ünï", "a.b*c>", "100%", "two\nlines"]
)
async def test_a_job_is_found_by_its_id_whatever_characters_it_has(
    api: httpx.AsyncClient, queue: Queue, job_id: str
) -> None:
    options: JobOptions = {"jobId": job_id, "attempts": 3}
    await queue.add("generate-audio", {"bookId": "b"}, options)
    body = taken(await api.get(f"/api/queue/job/{quote(job_id, safe='')}"), 200)
    job: Any = body.pop("job")
    assert body == {"found": True}
    assert set(job) == _DETAILED
    assert (job["id"], job["name"], job["state"]) == (job_id, "generate-audio", "waiting")
    assert job["data"] == {"bookId": "b"} and job["opts"]["attempts"] == 3
    assert job["processedOn"] is None and job["finishedOn"] is None


async def test_a_job_is_not_found_by_its_id_and_a_line_end(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    await queue.add("job", 1, {"jobId": "chapter"})
    assert taken(await api.get("/api/queue/job/chapter%0A"), 200) == {"job": None, "found": False}
    assert taken(await api.post("/api/queue/retry/chapter%0A"), 201)["found"] is False


async def test_an_unknown_job_is_not_found_with_status_200(api: httpx.AsyncClient) -> None:
    assert taken(await api.get("/api/queue/job/nobody"), 200) == {"job": None, "found": False}
    too_long = "n" * 5000  # for any job's id
    assert taken(await api.get(f"/api/queue/job/{too_long}"), 200) == {"job": None, "found": False}
    assert taken(await api.post(f"/api/queue/retry/{too_long}"), 201)["found"] is False


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("odd", ["\udcff.epub", _nested(400)], ids=["no UTF-8", "deep"])
async def test_whatever_a_job_holds_is_shown(
    api: httpx.AsyncClient, queue: Queue, odd: object
) -> None:
    job = await queue.add("odd", {"value": odd})
    await queue.add("plain", {})
    listed = (await api.get("/api/queue/jobs/waiting")).json()["jobs"]
    assert [one["data"] for one in listed] == [{"value": odd}, {}]
    shown = (await api.get(f"/api/queue/job/{job.id}")).json()["job"]
    assert shown["data"] == {"value": odd}


async def _stored_by_others(
    queue: Queue, job_id: str, head: bytes, timestamp: bytes = b"1"
) -> None:
    given = b'{"v":1,"name":"theirs","timestamp":%b}' % timestamp
    store = await queue.ledger()
    await (await store.wire.post(store.names.job("failed", job_id), b"%b\n%b\n1" % (head, given)))


@pytest.mark.parametrize(
    "head",
    [
        b'{"stacktrace":5}',
        b'{"stacktrace":{"a":1}}',
        b'{"finishedOn":"soon"}',
        b'{"processedOn":{}}',
        b'{"failedReason":7}',
    ],
)
async def test_a_record_with_a_field_of_another_kind_is_shown_as_unreadable_and_hides_no_other(
    api: httpx.AsyncClient, queue: Queue, head: bytes
) -> None:
    await failed(queue, "ours")
    await _stored_by_others(queue, "theirs", head)
    listed: Any = taken(await api.get("/api/queue/jobs/failed"), 200)["jobs"]
    assert {job["id"] for job in listed} == {"ours", "theirs"}
    shown: Any = taken(await api.get("/api/queue/job/theirs"), 200)["job"]
    assert shown["name"] == "unreadable" and head.decode() in shown["data"]


async def test_what_other_programs_leave_empty_or_broken_in_two_is_shown(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    empty = b'{"stacktrace":null,"failedReason":null,"processedOn":null,"finishedOn":null}'
    await _stored_by_others(queue, "empty", empty)
    await _stored_by_others(queue, "odd", b'{"stacktrace":[null,1,"x"],"finishedOn":7.5}')
    shown: Any = taken(await api.get("/api/queue/job/empty"), 200)["job"]
    assert (shown["stacktrace"], shown["failedReason"], shown["finishedOn"]) == ([], None, None)
    shown = taken(await api.get("/api/queue/job/odd"), 200)["job"]
    assert (shown["stacktrace"], shown["finishedOn"]) == ([None, "1", "x"], 7)


async def test_an_error_that_no_call_foresaw_is_json_as_well(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    await _stored_by_others(queue, "endless", b"{}", b"1e999")
    answer = await api.get("/api/queue/job/endless")
    assert answer.status_code == 500
    body: dict[str, Any] = answer.json()
    assert body.pop("timestamp")
    assert body == {
        "error": "Internal Server Error",
        "message": "Failed to answer",
        "statusCode": 500,
    }
