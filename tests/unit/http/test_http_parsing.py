"""Bodies that Express' parser took: compressed ones, and those of forms."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

from jetbull import Queue

_PATH = "/api/queue/combine-page-audio"
_BODY = {"pageId": "p", "bookId": "בראשית", "audioFileKeys": ["one", "two"]}
_JSON = json.dumps(_BODY).encode()


async def _data_of(api: httpx.AsyncClient, queue: Queue, content: bytes, **headers: str) -> Any:
    """What a job has been given by this body, less its correlation id."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await api.post(_PATH, content=content, headers=sent)
    assert answer.status_code == 201, answer.text
    job = await queue.getJob(answer.json()["jobId"])
    assert job is not None
    del job.data["correlationId"]
    return job.data


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip", gzip.compress(_JSON, mtime=0)),
        ("GZIP", gzip.compress(_JSON, mtime=0)),
        ("deflate", zlib.compress(_JSON)),
        ("identity", _JSON),
    ],
)
async def test_a_compressed_body_is_unpacked(
    api: httpx.AsyncClient, queue: Queue, coding: str, content: bytes
) -> None:
    kind = "application/json"
    given = await _data_of(api, queue, content, content_type=kind, content_encoding=coding)
    assert given == _BODY


@pytest.mark.parametrize(
    "form",
    [
        "pageId=p&audioFileKeys=one&audioFileKeys=two",
        "pageId=p&audioFileKeys[]=one&audioFileKeys[]=two",
        "pageId=p&audioFileKeys%5B0%5D=one&audioFileKeys%5B1%5D=two",
    ],
)
async def test_a_form_is_a_body_as_json_is(api: httpx.AsyncClient, queue: Queue, form: str) -> None:
    content = f"{form}&bookId=%D7%91%D7%A8%D7%90%D7%A9%D7%99%D7%AA".encode()
    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    assert await _data_of(api, queue, content, content_type=kind) == _BODY
    packed = gzip.compress(content)
    given = await _data_of(api, queue, packed, content_type=kind, content_encoding="gzip")
    assert given == _BODY


async def test_a_list_of_one_is_written_with_brackets(api: httpx.AsyncClient) -> None:
    fields = {"pageId": "p", "bookId": "b"}
    assert (await api.post(_PATH, data={**fields, "audioFileKeys[]": "one"})).status_code == 201
    refused = await api.post(_PATH, data={**fields, "audioFileKeys": "one"})
    assert refused.status_code == 400
    assert refused.json()["message"] == ["audioFileKeys must be a list of strings."]


@pytest.mark.parametrize(
    ("coding", "content", "status"),
    [
        ("br", _JSON, 415),
        ("gzip, gzip", _JSON, 415),
        ("gzip", _JSON, 400),
        ("gzip", gzip.compress(_JSON, mtime=0)[:-9], 400),
        ("gzip", b"", 400),
        ("gzip", gzip.compress(b" " * 2_000_000 + _JSON, mtime=0), 413),
    ],
    ids=["unknown", "two", "not-packed", "cut-off", "empty", "too-large-unpacked"],
)
async def test_what_cannot_be_unpacked_adds_nothing(
    api: httpx.AsyncClient, queue: Queue, coding: str, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json", "content-encoding": coding}
    answer = await api.post(_PATH, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.json()["statusCode"] == status
    assert await queue.count() == 0


async def test_a_form_of_a_foreign_page_is_refused(api: httpx.AsyncClient, queue: Queue) -> None:
    # A browser sends forms anywhere without asking first.
    for origin in ("https://evil.example", "null"):
        fields = {"pageId": "p", "bookId": "b"}
        answer = await api.post(_PATH, data=fields, headers={"origin": origin})
        assert answer.status_code == 403
    assert await queue.count() == 0
