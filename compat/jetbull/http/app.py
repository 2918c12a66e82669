"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from jetbull import Queue
from jetbull._version import __version__

from .answers import Json, Problem
from .correlation import CORRELATION_HEADER, Correlation
from .errors import add_error_handlers
from .express import Express
from .guard import Guard
from .parsing import Parsing
from .routes import health, queue
from .service import QueueService
from .settings import ApiSettings
from .stopping import Stopping

__all__ = ["create_app"]


def create_app(settings: ApiSettings | None = None) -> FastAPI:
    """The old HTTP interface over the queue the settings name.

    Connects at the first call that needs the server; `GET /openapi.json` describes the calls.
    The queue is closed with the application's lifespan.
    """
    settings = settings or ApiSettings()
    served = Queue(settings.queue, {"connection": settings.nats_url, "prefix": settings.prefix})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await served.close()

    app = FastAPI(
        title="jetbull queue interface",
        version=__version__,
        description="The HTTP interface of the audiobook queue.",
        docs_url=None,  # the pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        default_response_class=Json,
        redirect_slashes=False,
        responses={"4XX": {"model": Problem}, 500: {"model": Problem}, 503: {"model": Problem}},
    )
    app.state.queue = served
    app.state.service = QueueService(served)
    app.include_router(queue.router)
    app.include_router(health.router)
    add_error_handlers(app)
    # The last one added is the first a request meets.
    app.add_middleware(Parsing, max_body=settings.max_body)
    app.add_middleware(Stopping)
    app.add_middleware(Guard, settings=settings)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", CORRELATION_HEADER],
            expose_headers=[CORRELATION_HEADER],
        )
    app.add_middleware(Correlation)
    app.add_middleware(Express)
    return app
