"""What callers hear whose calls are not done when the interface stops."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .correlation import READING

__all__ = ["Stopping"]

_AGAIN = "The interface is stopping: call again."
_LOOK_FIRST = (
    "The interface is stopping, and this call may or may not have been carried out: "
    "look before you call again."
)


class Stopping:
    """Answers a call that is cancelled before its answer has begun with 503 and a sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a cancellation goes on after the answer."""
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:
            if scope["type"] == "http" and not begun:
                told = _AGAIN if scope["method"] in READING else _LOOK_FIRST
                body = {"statusCode": 503, "message": told, "error": "Service Unavailable"}
                await JSONResponse(body, status_code=503)(scope, receive, send)
            raise
