"""The interface's log lines."""

from __future__ import annotations

import logging

import httpx
import pytest
from tests.unit.http.conftest import PREFIX
from tests.unit.http.outcomes import failed

from jetbull import Queue
from jetbull.http import ApiSettings, create_app


async def test_every_line_of_a_job_bears_the_correlation_id(
    nats_url: str, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(ApiSettings(nats_url=nats_url, prefix=PREFIX))
    transport, headers = httpx.ASGITransport(app), {"x-correlation-id": "of-the-caller"}
    alone = create_app(ApiSettings(nats_url="nats://127.0.0.1:1", prefix=PREFIX))
    body = {"bookId": "b", "s3Key": "k"}
    with caplog.at_level(logging.INFO, "jetbull.http"):
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            added = await client.post("/api/queue/parse-epub", json=body)
            await failed(queue, "next")  # takes and fails the one that was added
            await client.post(f"/api/queue/retry/{added.json()['jobId']}")
            foreign = {"origin": "https://evil.example"}
            await client.post("/api/queue/parse-epub", json=body, headers=foreign)
            await app.state.queue.close()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(alone), base_url="http://localhost", headers=headers
        ) as client:
            await client.get("/api/queue/status")
    lines = [record for record in caplog.records if record.name == "jetbull.http"]
    told = [line.getMessage().split(":")[0] for line in lines]
    assert {"job added", "job retried", "refused /api/queue/parse-epub"} <= {*told}
    assert "Failed to get queue status" in told
    assert {vars(line).get("correlationId") for line in lines} == {"of-the-caller"}
