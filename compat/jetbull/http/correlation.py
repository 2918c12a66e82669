"""The id that ties a request to its job and to the log lines of both."""

from __future__ import annotations

import logging
import re
import uuid

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CORRELATION_HEADER", "READING", "Correlation", "correlation_id"]

log = logging.getLogger("jetbull.http")

CORRELATION_HEADER = "x-correlation-id"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_USABLE_ID = re.compile(r"[\x21-\x7e]{1,200}\Z")
_SAFETY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


class Correlation:
    """Gives each request an id, the caller's or a new one, and returns it as a header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(CORRELATION_HEADER, "")
        usable = _USABLE_ID.match(given) is not None
        state = scope.setdefault("state", {})
        state["correlation_id"] = given if usable else str(uuid.uuid4())
        state["correlation_given"] = usable

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[CORRELATION_HEADER] = state["correlation_id"]
                for name, value in _SAFETY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["method"] not in READING:
                    _note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, answer)


def correlation_id(request: Request, in_body: object) -> str:
    """The header's id, else the one the body brings, else the one made for this request."""
    if not request.state.correlation_given and isinstance(in_body, str) and in_body:
        return in_body
    return str(request.state.correlation_id)


def _note(scope: Scope, status: int) -> None:
    """Leave a log line of each call that may have changed something."""
    log.info(
        "%s %s: %d",
        scope["method"],
        scope["path"],
        status,
        extra={
            "correlationId": scope["state"]["correlation_id"],
            "client": (scope.get("client") or ("unknown",))[0],
        },
    )
