"""Talking to the HTTP interface."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from .errors import DemoError

__all__ = ["post"]

_TIMEOUT_S = 60.0
_PAUSE_S = 0.5
_CREATED = 201


async def post(
    url: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    """The answer's JSON; DemoError when the interface refuses, or gives no answer for long.

    What an interface that died may have done is asked for again.
    """
    deadline = anyio.current_time() + _TIMEOUT_S
    while True:
        try:
            return await anyio.to_thread.run_sync(_post, url, path, dict(body), dict(headers))
        except _NoAnswerError:
            if anyio.current_time() > deadline:
                raise
            await anyio.sleep(_PAUSE_S)


class _NoAnswerError(DemoError): ...


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
    except (OSError, http.client.HTTPException) as error:
        raise _NoAnswerError(f"The HTTP interface at {url} does not answer: {error}.") from error
    finally:
        connection.close()
    if response.status != _CREATED:
        raise DemoError(f"POST {path} was answered with {response.status}: {text}")
    answer: dict[str, Any] = json.loads(text)
    return answer
