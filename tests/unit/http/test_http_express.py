"""What old scripts and monitors know of Express: HEAD works, and a slash at the end is none."""

from __future__ import annotations

import httpx
import pytest

from jetbull import Queue

PATHS = ["/health", "/ready", "/api/queue/status", "/api/queue/jobs/waiting", "/api/queue/job/1"]


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_answered_as_get_without_a_body(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/json"


async def test_head_of_an_unknown_path_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.head("/nosuch")).status_code == 404


@pytest.mark.parametrize("path", PATHS)
async def test_a_slash_at_the_end_of_a_path_makes_no_difference(
    api: httpx.AsyncClient, path: str
) -> None:
    assert (await api.get(f"{path}/")).status_code == 200


async def test_a_job_is_added_by_a_path_with_a_slash_at_its_end(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    answer = await api.post("/api/queue/parse-epub/", json={"bookId": "b", "s3Key": "k"})
    assert answer.status_code == 201
    assert await queue.getWaitingCount() == 1


@pytest.mark.parametrize("path", ["/health", "/ready", "/api/queue/status"])
async def test_a_path_with_a_line_end_behind_it_is_another_path(
    api: httpx.AsyncClient, path: str
) -> None:
    answer = await api.get(f"{path}%0A")
    assert answer.status_code == 404
    assert answer.json()["message"] == f"Cannot GET {path}%0A"


async def test_a_path_with_a_line_end_behind_it_adds_nothing(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    answer = await api.post("/api/queue/parse-epub%0A", json={"bookId": "b", "s3Key": "k"})
    assert answer.status_code == 404
    assert await queue.getWaitingCount() == 0


async def test_an_id_may_end_with_a_slash(api: httpx.AsyncClient, queue: Queue) -> None:
    await queue.add("job", 1, {"jobId": "chapter/"})
    assert (await api.get("/api/queue/job/chapter%2F")).json()["found"]
    assert not (await api.get("/api/queue/job/chapter")).json()["found"]


async def test_the_letter_case_of_paths_makes_no_difference_but_ids_and_states_keep_theirs(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    await queue.add("job", 1, {"jobId": "Chapter"})
    assert (await api.get("/HEALTH")).status_code == 200
    assert (await api.get("/API/Queue/Status")).json()["waiting"] == 1
    assert (await api.get("/Api/Queue/JOB/Chapter")).json()["found"]
    assert not (await api.get("/api/queue/job/chapter")).json()["found"]
    assert "Invalid status" in (await api.get("/api/queue/jobs/Waiting")).json()["error"]
    body = {"bookId": "b", "s3Key": "k"}
    assert (await api.post("/api/queue/Parse-EPUB", json=body)).status_code == 201


async def test_an_unknown_path_is_named_as_it_was_sent(api: httpx.AsyncClient) -> None:
    answer = await api.get("/API/Queue/Caf%C3%A9/")
    assert answer.json()["message"] == "Cannot GET /API/Queue/Caf%C3%A9/"
    answer = await api.get("/nosuch?page=2&x=%20")
    assert answer.json()["message"] == "Cannot GET /nosuch?page=2&x=%20"


async def test_a_whole_address_in_place_of_a_path_means_its_path(
    api_url: str, queue: Queue
) -> None:
    await queue.add("job", 1, {"jobId": "http://a/b"})
    async with httpx.AsyncClient(proxy=api_url, trust_env=False, timeout=30) as client:
        status = await client.get("http://localhost/api/queue/status?x=//y")
        assert (status.status_code, status.json()["waiting"]) == (200, 1)
        assert (await client.get("http://localhost/api/queue/job/http:%2F%2Fa%2Fb")).json()["found"]
        assert (await client.get("http://localhost")).json()["message"] == "Cannot GET /"
