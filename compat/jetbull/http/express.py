"""What Express did for the old service whatever its routes: HEAD, and a slash at the end."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Express"]


class Express:
    """Answers HEAD like GET, without a body, and a path with a slash behind it like that path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _without_slash(scope)
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, answer)


def _without_slash(scope: Scope) -> Scope:
    path: str = scope["path"]
    # An id may end with a slash, which comes as %2F.
    if len(path) > 1 and path.endswith("/") and scope.get("raw_path", b"/").endswith(b"/"):
        return {**scope, "path": path[:-1]}
    return scope
