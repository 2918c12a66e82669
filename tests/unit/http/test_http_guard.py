"""Who may call, with what, and what every answer carries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.unit.http.interface import running_api

from jetbull import Queue

_BODY = {"bookId": "b", "s3Key": "k"}


async def test_answers_tell_browsers_to_be_careful(api: httpx.AsyncClient) -> None:
    for path in ("/api/queue/status", "/health", "/nowhere"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


async def test_the_calls_are_described_by_openapi(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.")
    assert {f"{verb} {path}" for path, verbs in described["paths"].items() for verb in verbs} >= {
        "post /api/queue/parse-epub",
        "post /api/queue/generate-audio",
        "post /api/queue/combine-page-audio",
        "post /api/queue/add-diacritics",
        "get /api/queue/status",
        "get /api/queue/jobs/{status}",
        "get /api/queue/job/{job_id}",
        "delete /api/queue/clean/{status}",
        "post /api/queue/clean/{status}",
        "post /api/queue/retry/{job_id}",
        "get /health",
        "get /ready",
    }


async def test_openapi_knows_what_each_call_answers(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()
    for path, verbs in described["paths"].items():
        for verb, call in verbs.items():
            answer = call["responses"]["201" if verb == "post" else "200"]
            schema = answer["content"]["application/json"]["schema"]
            assert "$ref" in schema or "anyOf" in schema, f"{verb} {path}: {schema}"


async def test_openapi_knows_the_errors_that_are_given_and_no_others(
    api: httpx.AsyncClient,
) -> None:
    described = (await api.get("/openapi.json")).json()
    for call in [call for verbs in described["paths"].values() for call in verbs.values()]:
        assert {status for status in call["responses"] if status >= "4"} <= {"4XX", "500", "503"}
    problem = described["components"]["schemas"]["Problem"]
    refused = (await api.post("/api/queue/parse-epub", json={})).json()
    unknown = (await api.get("/api/queue")).json()
    for body in (refused, unknown):
        assert set(problem["required"]) <= set(body) <= set(problem["properties"])
    assert described["components"]["schemas"]["ParseEpub"]["properties"]["bookId"]["pattern"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/queue"), ("PUT", "/api/queue/status"), ("GET", "/docs")],
)
async def test_an_unknown_path_or_method_is_answered_as_the_old_service_did(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == 404
    assert answer.json() == {
        "message": f"Cannot {method} {path}",
        "error": "Not Found",
        "statusCode": 404,
    }


async def test_a_body_over_the_limit_is_refused(api: httpx.AsyncClient, queue: Queue) -> None:
    large = {**_BODY, "note": "x" * 1_100_000}

    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    headers = {"content-type": "application/json"}
    declared = await api.post("/api/queue/parse-epub", json=large)
    streamed = await api.post("/api/queue/parse-epub", content=in_pieces(), headers=headers)
    assert [declared.status_code, streamed.status_code] == [413, 413]
    assert declared.json() == streamed.json()
    assert await queue.count() == 0


async def test_a_name_that_is_not_this_machine_is_refused(api: httpx.AsyncClient) -> None:
    # A page whose own name an attacker has pointed to 127.0.0.1.
    answer = await api.get("/api/queue/status", headers={"host": "evil.example"})
    assert answer.status_code == 403
    assert "JETBULL_API_ORIGINS" in answer.json()["message"]


async def test_pages_of_another_origin_may_not_change_anything(
    api: httpx.AsyncClient, queue: Queue
) -> None:
    answer = await api.post(
        "/api/queue/parse-epub", json=_BODY, headers={"origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert await queue.count() == 0


async def test_a_token_is_asked_for_where_one_is_set(nats_url: str) -> None:
    with running_api(nats_url, "token", JETBULL_API_TOKEN="s3cret") as url:
        async with httpx.AsyncClient(base_url=url) as client:
            for sent in (None, "Bearer wrong", "Bearer", "Basic s3cret", "s3cret"):
                headers = {"authorization": sent} if sent else {}
                answer = await client.get("/api/queue/status", headers=headers)
                assert answer.status_code == 401
                assert answer.json() == {"statusCode": 401, "message": "Unauthorized"}
                assert answer.headers["www-authenticate"] == "Bearer"
            assert (await client.get("/openapi.json")).status_code == 401
            right = {"authorization": "Bearer s3cret"}
            assert (await client.get("/api/queue/status", headers=right)).status_code == 200
            assert (await client.get("/health")).status_code == 200
            assert (await client.get("/ready")).status_code == 200


@pytest.mark.parametrize("token", ["s3cret ", "schlüssel"], ids=["blank-behind", "beyond-ascii"])
async def test_whatever_the_token_is_its_holder_gets_in(nats_url: str, token: str) -> None:
    with running_api(nats_url, "token", JETBULL_API_TOKEN=token) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            right = {b"authorization": f"Bearer {token.strip()}".encode()}
            assert (await client.get("/api/queue/status", headers=right)).status_code == 200
            wrong = {b"authorization": f"Bearer {token.strip()}x".encode()}
            assert (await client.get("/api/queue/status", headers=wrong)).status_code == 401


async def test_in_read_only_mode_nothing_can_be_changed(nats_url: str) -> None:
    with running_api(nats_url, "reading", JETBULL_API_READ_ONLY="true") as url:
        async with httpx.AsyncClient(base_url=url) as client:
            changing = [
                ("POST", "/api/queue/parse-epub"),
                ("POST", "/api/queue/retry/1"),
                ("DELETE", "/api/queue/clean/failed"),
            ]
            for method, path in changing:
                answer = await client.request(method, path, json=_BODY)
                assert answer.status_code == 403
                assert answer.json()["message"] == "The interface is read-only."
            assert (await client.get("/api/queue/status")).json()["total"] == 0


async def test_a_page_of_an_allowed_origin_may_call(nats_url: str) -> None:
    origin = "https://studio.example"
    with running_api(
        nats_url, "origins", JETBULL_API_ORIGINS=f"{origin}, https://b.example"
    ) as url:
        async with httpx.AsyncClient(base_url=url, headers={"origin": origin}) as client:
            answer = await client.post("/api/queue/parse-epub", json=_BODY)
            assert answer.status_code == 201
            assert answer.headers["access-control-allow-origin"] == origin


def test_it_listens_elsewhere_than_on_loopback_only_with_a_token() -> None:
    command = [sys.executable, "-m", "jetbull.cli", "api", "--host", "0.0.0.0", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr == (
        "jetbull: The interface would listen on 0.0.0.0 without a token: set JETBULL_API_TOKEN, "
        "listen on 127.0.0.1, or say --insecure.\n"
    )


async def test_addresses_that_are_none_are_forbidden(api: httpx.AsyncClient, queue: Queue) -> None:
    answer = await api.get("/api/queue/status", headers={"host": "["})
    assert answer.status_code == 403
    origin = {"origin": "http://["}
    answer = await api.post("/api/queue/parse-epub", json=_BODY, headers=origin)
    assert answer.status_code == 403
    assert await queue.getJobCounts("waiting") == {"waiting": 0}
