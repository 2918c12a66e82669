"""What an operator may choose, checked before anything is read or written."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bull2jet.model import State
from bull2jet.source.address import parse, redacted

_NATS = ("nats://", "tls://", "ws://", "wss://")


class ActivePolicy(StrEnum):
    """What happens to jobs that a worker of the old side has taken."""

    #: wait for them, and take over those whose lock is gone
    WAIT = "wait"
    #: take over those whose lock is gone, leave the others behind
    TAKE_OVER = "take-over"
    #: do not start while a job is active
    REFUSE = "refuse"


class Options(BaseModel):
    """Options of all commands; each command uses those that concern it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis: str
    to: str = "nats://localhost:4222"
    prefixes: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    #: how many of the newest completed and failed jobs are carried, None for all
    history: Annotated[int, Field(ge=0)] | None = None
    active: ActivePolicy = ActivePolicy.WAIT
    #: seconds to wait for active jobs
    wait_active: Annotated[float, Field(ge=0)] = 600.0
    #: jobs carried at most per queue and state, None for all
    limit: Annotated[int, Field(ge=1)] | None = None
    #: jobs a second at most, 0 for no limit
    rate: Annotated[float, Field(ge=0)] = 0.0
    #: jobs per batch
    batch: Annotated[int, Field(ge=1, le=1000)] = 500
    #: zone of schedules that name none
    timezone: str | None = None
    #: carry flows although a relative's queue is left out
    partial_flows: bool = False
    #: go on as a bridge when everything is carried
    follow: bool = False
    #: seconds after which a bridge ends by itself, None to run until stopped
    follow_for: Annotated[float, Field(gt=0)] | None = None
    deep: bool = False
    #: do not ask for the queue's name
    yes: bool = False
    #: NATS has lost what was carried: put back what Redis has kept
    lost_target: bool = False
    #: where `finalize` writes what it removes
    archive: Path | None = None
    progress: str = "none"

    @field_validator("redis")
    @classmethod
    def _redis_is_an_address(cls, value: str) -> str:
        parse(value)
        return value

    @field_validator("to")
    @classmethod
    def _to_is_nats(cls, value: str) -> str:
        for server in value.split(","):
            if "://" in server and not server.strip().startswith(_NATS):
                raise ValueError(
                    f"{redacted(server)!r} is no NATS address; it must begin with nats:// "
                    "(or tls://, ws://, wss://)"
                )
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(
                    f"--timezone {value!r} is no IANA zone; write it like Europe/Berlin"
                ) from error
        return value

    def __repr__(self) -> str:
        return f"Options(redis={redacted(self.redis)!r}, to={redacted(self.to)!r}, …)"

    __str__ = __repr__


__all__ = ["ActivePolicy", "Options"]
