"""Who may call, with what."""

from __future__ import annotations

import hmac
import logging
from typing import Any, Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .correlation import READING
from .settings import ApiSettings

__all__ = ["Guard"]

log = logging.getLogger("jetbull.http")

_OPEN_PATHS = frozenset({"/health", "/ready"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_ORIGINS = "JETBULL_API_ORIGINS."


class Guard:
    """Lets through what the settings allow."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            status = refusal["statusCode"]
            ids = {"correlationId": scope["state"]["correlation_id"]}
            log.warning("refused %s: %s", scope["path"], refusal["message"], extra=ids)
            wanted = {"www-authenticate": "Bearer"} if status == 401 else None
            await JSONResponse(refusal, status, wanted)(scope, receive, send)
            return
        await self._app(scope, _limited(receive, self._settings.max_body), send)

    def _refusal(self, scope: Scope, headers: Headers) -> dict[str, Any] | None:
        if scope["path"] not in _OPEN_PATHS:
            if not self._has_token(headers):
                return {"statusCode": 401, "message": "Unauthorized"}
            if not self._is_for_us(headers.get("host", "")):
                return _forbidden("This host name is not ours: add its origin to " + _ORIGINS)
        if scope["method"] in READING:
            return None
        if self._settings.read_only:
            return _forbidden("The interface is read-only.")
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin, headers.get("host", "")):
            return _forbidden("Pages of this origin may not call: add it to " + _ORIGINS)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._settings.max_body:
            return _too_large(self._settings.max_body)
        return None

    def _has_token(self, headers: Headers) -> bool:
        token = self._settings.token
        if token is None:
            return True
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        expected = token.get_secret_value().strip().encode()
        matches = hmac.compare_digest(sent.strip().encode("latin-1"), expected)
        return matches and scheme.lower() == "bearer"

    def _is_for_us(self, host: str) -> bool:
        """Whether the name the caller used is right; guards against DNS rebinding.

        Only asked where neither a token nor a wider address says that others may call.
        """
        if self._settings.token is not None or not self._settings.on_loopback or not host:
            return True
        name = _part(f"//{host}", "hostname")
        allowed = {urlsplit(origin).hostname for origin in self._settings.origins}
        return name in _LOOPBACK_NAMES or name in allowed

    def _is_ours(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may change something: our own, or one that is allowed."""
        return origin in self._settings.origins or _part(origin, "netloc") == host


def _part(url: str, name: Literal["hostname", "netloc"]) -> str:
    """A part of what a caller sent as an address; nothing for what is none."""
    try:
        return str(getattr(urlsplit(url), name) or "")
    except ValueError:
        return ""


def _forbidden(why: str) -> dict[str, Any]:
    return {"statusCode": 403, "message": why, "error": "Forbidden"}


def _too_large(limit: int) -> dict[str, Any]:
    message = f"The body may have {limit} bytes."
    return {"statusCode": 413, "message": message, "error": "Payload Too Large"}


def _limited(receive: Receive, limit: int) -> Receive:
    """Counts a body that comes without a declared length."""
    seen = 0

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, _too_large(limit)["message"])
        return message

    return count
