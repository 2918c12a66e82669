"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from jetbull.health import check_readiness
from jetbull.http.answers import iso_now

from .state import ServedQueue

__all__ = ["router"]

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    timestamp: str = Field(default_factory=iso_now)


class Look(BaseModel):
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


class Ready(BaseModel):
    """Whether jobs can be stored and taken."""

    status: Literal["ready", "not ready"]
    checks: list[Look]
    timestamp: str = Field(default_factory=iso_now)


@router.get("/health")
async def health() -> Health:
    """The process is alive; nothing else is looked at."""
    return Health()


@router.get("/ready", responses={503: {"model": Ready}})
async def ready(queue: ServedQueue, response: Response) -> Ready:
    """NATS answers, the stream is there, and a message can be stored and taken; else 503."""
    checks = await check_readiness(queue)
    is_ready = all(check.ok for check in checks)
    if not is_ready:
        response.status_code = 503
    return Ready(
        status="ready" if is_ready else "not ready",
        checks=[Look(name=check.name, ok=check.ok, detail=check.detail) for check in checks],
    )
