"""Talking to the HTTP interface."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread

from .errors import DemoError

__all__ = ["post"]

_TIMEOUT_S = 60.0
_CREATED = 201


async def post(
    url: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    """The answer's JSON; DemoError when the interface refuses."""
    return await anyio.to_thread.run_sync(_post, url, path, dict(body), dict(headers))


def _post(
    url: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_TIMEOUT_S
    )
    try:
        sent = {"content-type": "application/json", **headers}
        connection.request("POST", path, json.dumps(body), sent)
        response = connection.getresponse()
        text = response.read().decode()
    except OSError as error:
        raise DemoError(f"The HTTP interface at {url} does not answer: {error}.") from error
    finally:
        connection.close()
    if response.status != _CREATED:
        raise DemoError(f"POST {path} was answered with {response.status}: {text}")
    answer: dict[str, Any] = json.loads(text)
    return answer
