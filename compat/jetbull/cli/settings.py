"""Settings of the commands, read from the environment; options of the command line go first."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings

from jetbull.errors import ConfigurationError
from jetbull.options import DEFAULT_PREFIX
from jetbull.settings import Settings

__all__ = ["LogSettings", "QueueSettings", "WorkerSettings", "read_settings"]

_DEFAULT_QUEUE = "audio-processing"
"""The one queue of the old service."""

_S = TypeVar("_S", bound=BaseSettings)


class _Settings(Settings):
    options_begin: ClassVar[str] = "--"


class LogSettings(_Settings):
    """How a service logs."""

    options_begin: ClassVar[str] = "--log-"

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = (
        Field(default="info", validation_alias="LOG_LEVEL")
    )
    """In capitals as well, as `logging` writes them."""
    format: Literal["auto", "json", "text"] = Field(default="auto", validation_alias="LOG_FORMAT")
    """`auto` is text on a terminal and JSON elsewhere."""

    @property
    def as_json(self) -> bool:
        """Whether log lines are JSON objects."""
        return self.format == "json" or (self.format == "auto" and not sys.stderr.isatty())


class QueueSettings(_Settings):
    """Which queue on which server."""

    nats_url: str | None = None
    """`NATS_URL`; nats://localhost:4222 when not set."""
    prefix: str = Field(default=DEFAULT_PREFIX, min_length=1, validation_alias="JETBULL_PREFIX")
    queue: str = Field(default=_DEFAULT_QUEUE, min_length=1, validation_alias="JETBULL_QUEUE")


class WorkerSettings(QueueSettings):
    """How a worker process works."""

    concurrency: int = Field(default=1, ge=1, validation_alias="WORKER_CONCURRENCY")
    pool: Literal["threads", "processes"] = Field(default="threads", validation_alias="WORKER_POOL")
    """Where jobs run; with `processes`, as many as `concurrency`."""
    grace: float = Field(default=30.0, ge=0, validation_alias="WORKER_GRACE")
    """Seconds running jobs may take to finish after the first signal."""
    lock: float = Field(default=30.0, ge=1, allow_inf_nan=False, validation_alias="WORKER_LOCK")
    """Seconds a job stays locked without a sign of life of its worker."""
    max_stalled: int | None = Field(default=None, ge=0, validation_alias="WORKER_MAX_STALLED")
    """How often a job may lose its worker; when not set, as the processor says, else once."""


def read_settings(kind: type[_S], given: Mapping[str, Any]) -> _S:
    """The settings; values of `given` that are not None win over the environment.

    Raises ConfigurationError that names the setting, never its value.
    """
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"]))
        told = _named(kind, name, given)
        raise ConfigurationError(f"The setting {told}: {first['msg']}.") from None


def _named(kind: type[BaseSettings], name: str, given: Mapping[str, Any]) -> str:
    """The field's option, if the command has one, and its variable of the environment."""
    for field, about in kind.model_fields.items():
        if name in (field, about.validation_alias):
            variable = str(about.validation_alias or field.upper())
            option = getattr(kind, "options_begin", "--") + field.replace("_", "-")
            return f"{option} ({variable})" if field in given else variable
    return name
