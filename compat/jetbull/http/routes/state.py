"""What the routes find in the application."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from jetbull import Queue
from jetbull.http.service import QueueService

__all__ = ["ServedQueue", "Service"]


def _service(request: Request) -> QueueService:
    return cast(QueueService, request.app.state.service)


def _queue(request: Request) -> Queue:
    return cast(Queue, request.app.state.queue)


Service = Annotated[QueueService, Depends(_service)]
"""The old service."""
ServedQueue = Annotated[Queue, Depends(_queue)]
"""The queue the application serves."""
