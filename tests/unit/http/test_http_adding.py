"""The four calls that add jobs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.unit.http.interface import taken

from jetbull import Queue

_CALLS: dict[str, dict[str, Any]] = {
    "parse-epub": {"bookId": "b", "s3Key": "raw/b.epub", "parsingMethod": "page-based"},
    "generate-audio": {"paragraphId": "p", "bookId": "b", "content": "Once upon a time"},
    "combine-page-audio": {"pageId": "p", "bookId": "b", "audioFileKeys": ["one", "two"]},
    "add-diacritics": {"bookId": "b", "paragraphIds": ["one"]},
}


@pytest.mark.parametrize("name", _CALLS)
async def test_a_call_adds_a_job_with_the_data_of_its_body(
    api: httpx.AsyncClient, queue: Queue, name: str
) -> None:
    answer = await api.post(f"/api/queue/{name}", json=_CALLS[name])
    body = taken(answer, 201)
    assert set(body) == {"jobId", "subject", "ack"}
    job = await queue.getJob(str(body["jobId"]))
    assert job is not None and job.name == name
    assert job.data == {**_CALLS[name], "correlationId": answer.headers["x-correlation-id"]}
    assert await job.getState() == "waiting"


async def test_the_answer_says_where_the_job_is_stored(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    first = (await api.post("/api/queue/parse-epub", json=_CALLS["parse-epub"])).json()
    second = (await api.post("/api/queue/parse-epub", json=_CALLS["parse-epub"])).json()
    assert first["ack"] < second["ack"]
    assert first["subject"] != second["subject"]


_WRONG: list[tuple[str, Any, list[str]]] = [
    ("parse-epub", {"s3Key": "k"}, ["bookId is required."]),
    ("parse-epub", {}, ["bookId is required.", "s3Key is required."]),
    ("parse-epub", {"bookId": 7, "s3Key": "k"}, ["bookId must be a string."]),
    ("parse-epub", {"bookId": None, "s3Key": "k"}, ["bookId must be a string."]),
    ("parse-epub", {"bookId": "  ", "s3Key": "k"}, ["bookId must not be empty."]),
    (
        "parse-epub",
        {"bookId": "b", "s3Key": "k", "parsingMethod": "magic"},
        ["parsingMethod must be 'page-based' or 'xhtml-based'."],
    ),
    ("generate-audio", {"paragraphId": "p", "bookId": "b"}, ["content is required."]),
    (
        "generate-audio",
        {"paragraphId": ["p"], "bookId": {}, "content": True},
        [
            "paragraphId must be a string.",
            "bookId must be a string.",
            "content must be a string.",
        ],
    ),
    ("combine-page-audio", {"bookId": "b"}, ["pageId is required."]),
    (
        "combine-page-audio",
        {"pageId": "p", "bookId": "b", "audioFileKeys": "one"},
        ["audioFileKeys must be a list of strings."],
    ),
    (
        "combine-page-audio",
        {"pageId": "p", "bookId": "b", "audioFileKeys": ["one", 2]},
        ["audioFileKeys.1 must be a string."],
    ),
    ("add-diacritics", {"paragraphIds": []}, ["bookId is required."]),
    (
        "parse-epub",
        ["no", "object"],
        ["The body must be a JSON object, sent with content-type: application/json."],
    ),
]


@pytest.mark.parametrize(("name", "body", "sentences"), _WRONG)
async def test_a_wrong_body_is_refused_field_by_field_and_nothing_is_added(
    api: httpx.AsyncClient, queue: Queue, name: str, body: Any, sentences: list[str]
) -> None:
    answer = await api.post(f"/api/queue/{name}", json=body)
    assert answer.status_code == 400
    assert answer.json() == {"statusCode": 400, "message": sentences, "error": "Bad Request"}
    assert sum((await queue.getJobCounts()).values()) == 0


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b'{"bookId": "b", "s3Key": "k"}', "text/plain"),
        (b"bookId=%FF&s3Key=k", "application/x-www-form-urlencoded"),
        (b"bookId=b&s3Key=k", "multipart/form-data; boundary=x"),
        (b"\xff\xfe", "application/json"),
        (b'{"bookId": "\xff", "s3Key": "k"}', "application/json"),
        (b"[" * 100_000, "application/json"),
    ],
    ids=[
        "cut-off",
        "empty",
        "text",
        "form-latin-1",
        "multipart",
        "no-utf-8",
        "latin-1",
        "bottomless",
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    api: httpx.AsyncClient, queue: Queue, content: bytes, kind: str
) -> None:
    answer = await api.post(
        "/api/queue/parse-epub", content=content, headers={"content-type": kind}
    )
    assert answer.status_code == 400
    assert answer.json() == {
        "statusCode": 400,
        "message": ["The body must be a JSON object, sent with content-type: application/json."],
        "error": "Bad Request",
    }
    assert sum((await queue.getJobCounts()).values()) == 0


async def test_optional_fields_may_be_null_and_further_ones_are_kept(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    body = {"bookId": "b", "s3Key": "k", "parsingMethod": None}
    further = {"startedBy": {"user": "ada"}, "shelf": None, "s3_key": [None], "job_data": "\u05e9"}
    job_id = (await api.post("/api/queue/parse-epub", json=body | further)).json()["jobId"]
    job = await queue.getJob(job_id)
    assert job is not None
    del body["parsingMethod"], job.data["correlationId"]
    assert job.data == body | further


async def test_the_correlation_id_of_the_request_goes_into_the_job_and_back(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    answer = await api.post(
        "/api/queue/parse-epub",
        json={**_CALLS["parse-epub"], "correlationId": "of-the-body"},
        headers={"x-correlation-id": "of-the-header"},
    )
    assert answer.headers["x-correlation-id"] == "of-the-header"
    job = await queue.getJob(answer.json()["jobId"])
    assert job is not None and job.data["correlationId"] == "of-the-header"


async def test_without_a_header_the_body_may_bring_the_correlation_id(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    body = {**_CALLS["parse-epub"], "correlationId": "of-the-body"}
    job = await queue.getJob((await api.post("/api/queue/parse-epub", json=body)).json()["jobId"])
    assert job is not None and job.data["correlationId"] == "of-the-body"


@pytest.mark.parametrize("hostile", ["with space", "x" * 201, ""])
async def test_a_correlation_id_that_could_spoil_a_log_is_replaced(
    api: httpx.AsyncClient, hostile: str
) -> None:
    answer = await api.get("/api/queue/status", headers={"x-correlation-id": hostile})
    assert answer.headers["x-correlation-id"] not in {hostile, ""}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[" * 300 + "]" * 300, "pages is nested too deeply."),
        ('{"a":' * 900 + "1" + "}" * 900, "pages is nested too deeply."),
        ("NaN", "pages holds NaN or an infinite number."),
        ('[{"a": -Infinity}]', "pages holds NaN or an infinite number."),
        ("1e999", "pages holds NaN or an infinite number."),
    ],
)
async def test_what_cannot_be_stored_as_it_is_gets_400(
    api: httpx.AsyncClient, queue: Queue, value: str, message: str
) -> None:
    body = f'{{"bookId": "b", "s3Key": "k", "pages": {value}}}'
    headers = {"content-type": "application/json"}
    answer = await api.post("/api/queue/parse-epub", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["message"] == [message]
    assert await queue.getWaitingCount() == 0
