"""What Express' body parser took besides plain JSON: compressed bodies, and those of forms."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Parsing"]

_FORM = "application/x-www-form-urlencoded"
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_MOST_FIELDS = 1000
_IN_LIST = re.compile(r"(.+?)\[\d*\]\Z")


class Parsing:
    """Hands on compressed bodies and bodies of forms as JSON; `max_body` bytes when unpacked."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            headers = MutableHeaders(raw=[*scope["headers"]])
            coding = headers.get("content-encoding", "identity").strip().lower()
            is_form = headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
            if coding != "identity" or is_form:
                receive = self._parsed(receive, coding, is_form)
                del headers["content-encoding"]
                if is_form:
                    headers["content-type"] = "application/json"
                scope = {**scope, "headers": headers.raw}
        await self._app(scope, receive, send)

    def _parsed(self, receive: Receive, coding: str, is_form: bool) -> Receive:
        done = False

        async def parse() -> Message:
            nonlocal done
            body, more = b"", not done
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return message
                body += message.get("body", b"")
                more = message.get("more_body", False)
            if done:
                return await receive()
            done = True
            body = self._unpacked(body, coding)
            body = _as_json(body) if is_form else body
            return {"type": "http.request", "body": body, "more_body": False}

        return parse

    def _unpacked(self, body: bytes, coding: str) -> bytes:
        if coding == "identity" or not body:
            return body
        if coding not in _WINDOWS:
            raise HTTPException(415, f"unsupported content encoding {coding!r}: send gzip")
        unpacker = zlib.decompressobj(_WINDOWS[coding])
        try:
            unpacked = unpacker.decompress(body, self._max_body + 1)
        except zlib.error as error:
            raise HTTPException(400) from error
        if len(unpacked) > self._max_body:
            raise HTTPException(413, f"The body may have {self._max_body} bytes.")
        if not unpacker.eof:
            raise HTTPException(400)
        return unpacked


def _as_json(body: bytes) -> bytes:
    """A field given several times, or as `field[]`, is a list."""
    data: dict[str, Any] = {}
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise HTTPException(400) from error
    for field, value in fields:
        listed = _IN_LIST.match(field)
        name = listed[1] if listed else field
        if name not in data:
            data[name] = [value] if listed else value
        elif isinstance(data[name], list):
            data[name].append(value)
        else:
            data[name] = [data[name], value]
    return json.dumps(data).encode()
