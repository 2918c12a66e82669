"""A server that goes away and comes back."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest
from tests.unit.http.interface import running_api, taken

from jetbull.http import ApiSettings, create_app, serve, serving
from jetbull.server import EmbeddedServer


async def test_while_the_server_is_away_calls_fail_as_the_old_service_did_and_then_go_on() -> None:
    with EmbeddedServer() as server, running_api(server.url, "outage") as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            body = {"bookId": "b", "s3Key": "k"}
            assert (await client.post("/api/queue/parse-epub", json=body)).status_code == 201
            ready = taken(await client.get("/ready"), 200)
            assert ready["status"] == "ready"
            server.kill()
            down = taken(await client.get("/ready"), 503)
            assert down["status"] == "not ready"
            assert taken(await client.get("/health"), 200) == {"status": "ok"}
            assert taken(await client.get("/api/queue/status"), 500) == {
                "error": "Internal Server Error",
                "message": "Failed to get queue status",
                "statusCode": 500,
            }
            server.start()
            while (await client.get("/ready")).status_code != 200:
                continue  # each answer takes its own time
            assert (await client.get("/api/queue/status")).json()["waiting"] == 1


async def test_readiness_says_what_it_looked_at() -> None:
    with EmbeddedServer() as server, running_api(server.url, "ready") as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            body = (await client.get("/ready")).json()
            assert [check["name"] for check in body["checks"]] == ["nats", "stream", "consume"]
            assert all(check["ok"] and check["detail"] for check in body["checks"])


async def test_without_any_server_the_interface_is_alive_but_not_ready() -> None:
    with running_api("nats://127.0.0.1:9", "none") as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            assert (await client.get("/health")).status_code == 200
            body = taken(await client.get("/ready"), 503)
            assert "jetbull server" in str(body["checks"])


async def test_a_job_that_is_stored_is_told_as_added_though_it_cannot_be_read() -> None:
    denied = {"publish": {"deny": ["$JS.API.DIRECT.GET.>", "$JS.API.STREAM.MSG.GET.>"]}}
    login = {"user": "blind", "password": "secret", "permissions": denied}
    with EmbeddedServer(extra={"authorization": {"users": [login]}}) as server:
        address = server.url.replace("//", "//blind:secret@")
        with running_api(address, "blind") as url:
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                body = {"bookId": "b", "s3Key": "k"}
                answer = taken(await client.post("/api/queue/parse-epub", json=body), 201)
    assert answer == {"jobId": "1", "subject": None, "ack": None}


async def test_the_interface_stops_without_a_traceback_while_a_call_waits_for_the_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "_STOPS_WITHIN", 1)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    body = {"bookId": "b", "s3Key": "k"}
    with EmbeddedServer() as server:
        settings = ApiSettings(nats_url=server.url, prefix="stop", port=0)
        app = create_app(settings)
        interface = asyncio.create_task(serve(app, settings, ready.set_result))
        async with httpx.AsyncClient(base_url=await ready, timeout=60) as client:
            taken(await client.post("/api/queue/parse-epub", json=body), 201)
            server.kill()
            call = asyncio.create_task(client.post("/api/queue/parse-epub", json=body))
            while not any("run_asgi" in repr(task) for task in asyncio.all_tasks()):
                await asyncio.sleep(0.01)
            signal.raise_signal(signal.SIGTERM)
            await interface
            answer = await call
    assert answer.status_code == 503
    assert answer.json() == {
        "statusCode": 503,
        "message": "The interface is stopping, and this call may or may not have been carried out: "
        "look before you call again.",
        "error": "Service Unavailable",
    }
    assert answer.headers["x-correlation-id"]
    assert "Cancel 1 running task(s)" in caplog.text
    assert "Traceback" not in caplog.text
