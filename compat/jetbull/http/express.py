"""What Express did for the old service whatever its routes: HEAD, addresses, names of paths."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Express"]

_NAMES = 4  # the empty one before the first slash is one of them


class Express:
    """Answers HEAD like GET, without a body; a slash behind a path and its letter case are free.

    A whole address in place of a path, as what is told of a proxy sends, means its path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope["path"].startswith("/"):
            scope = {**scope, **_of_whole_address(scope)}
        scope = {**scope, "path": _as_routed(scope)}
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, answer)


def _of_whole_address(scope: Scope) -> dict[str, Any]:
    """Path and raw path behind `http://host`; uvicorn cuts that off only with its own extras."""
    raw = scope.get("raw_path", b"").decode("latin-1")
    return {
        "path": _behind_host(scope["path"]),
        "raw_path": _behind_host(raw).encode("latin-1"),
    }


def _behind_host(address: str) -> str:
    _, mark, rest = address.partition("://")
    return "/" + rest.partition("/")[2] if mark else address


def _as_routed(scope: Scope) -> str:
    path: str = scope["path"]
    # An id may end with a slash, which comes as %2F.
    if len(path) > 1 and path.endswith("/") and scope.get("raw_path", b"/").endswith(b"/"):
        path = path[:-1]
    # /api/queue/job, and then an id or a state, which stays as it is.
    names = path.split("/", _NAMES)
    # Starlette takes a path for the one without the line end behind it; with two it does not.
    if len(names) <= _NAMES and path.endswith("\n"):
        names[-1] += "\n"
    return "/".join([*(name.lower() for name in names[:_NAMES]), *names[_NAMES:]])
