"""Errors as the old service answers them: never with a stack trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from jetbull.errors import JetbullError

from .answers import iso_now
from .bodies import NO_JSON_OBJECT, sentence

__all__ = ["OperationFailedError", "add_error_handlers", "operation"]

log = logging.getLogger("jetbull.http")

_NAMES = {400: "Bad Request", 413: "Payload Too Large"}  # Python's differ by its version


class OperationFailedError(JetbullError):
    """A call could not be carried out; the message begins with 'Failed to'."""


@asynccontextmanager
async def operation(purpose: str, within: float | None = None) -> AsyncIterator[None]:
    """Turn any error inside into OperationFailedError('Failed to <purpose>').

    What only looks should end `within` so many seconds, also while the server is away; what
    changes something is better waited for than left half known.
    """
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError as error:
        waited = JetbullError(str(error) or f"The server did not answer within {within} s.")
        raise OperationFailedError(f"Failed to {purpose}") from waited
    except Exception as error:
        raise OperationFailedError(f"Failed to {purpose}") from error


def add_error_handlers(app: FastAPI) -> None:
    """Give the application the old service's error shapes."""
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(OperationFailedError, _failed)
    app.add_exception_handler(HTTPException, _no_such_path)
    app.add_exception_handler(Exception, _unforeseen)


async def _bad_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    sentences = list(dict.fromkeys(sentence(detail) for detail in error.errors()))
    return JSONResponse(
        {"statusCode": 400, "message": sentences, "error": "Bad Request"}, status_code=400
    )


async def _failed(request: Request, error: Exception) -> JSONResponse:
    cause = error.__cause__
    expected = isinstance(cause, JetbullError)
    ids = {"correlationId": request.state.correlation_id}
    log.error("%s: %s", error, cause, exc_info=None if expected else cause, extra=ids)
    return _internal_error(str(error))


async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    """What no call foresaw; Starlette raises it once more, so the server logs it."""
    return _internal_error("Failed to answer")


def _internal_error(message: str) -> JSONResponse:
    body = {
        "error": "Internal Server Error",
        "message": message,
        "statusCode": 500,
        "timestamp": iso_now(),
    }
    return JSONResponse(body, status_code=500)


async def _no_such_path(request: Request, error: Exception) -> JSONResponse:
    """Unknown paths and methods, as NestJS answers both."""
    assert isinstance(error, HTTPException)
    if error.status_code not in (404, 405):
        code = error.status_code
        told = [NO_JSON_OBJECT] if code == 400 else str(error.detail)
        name = _NAMES.get(code) or HTTPStatus(code).phrase
        body = {"statusCode": code, "message": told, "error": name}
        return JSONResponse(body, status_code=code, headers=error.headers)
    path = request.scope.get("raw_path", b"").decode("latin-1") or request.url.path
    query = request.scope["query_string"].decode("latin-1")
    message = f"Cannot {request.method} {path}{'?' * bool(query)}{query}"
    return JSONResponse({"message": message, "error": "Not Found", "statusCode": 404}, 404)
