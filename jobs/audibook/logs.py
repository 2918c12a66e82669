"""Structured logs: one JSON object per line, with the job's ids on each.

Modules log by the standard library with `extra={...}`; who runs the jobs decides the
handlers. The formatter is offered for those who want JSON. Texts of books, settings
and credentials are never logged.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

__all__ = ["JobLogger", "JsonFormatter", "job_logger"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_LOGGER = logging.getLogger("audibook")


class JobLogger(logging.LoggerAdapter[logging.Logger]):
    """Puts the ids of one job on each of its log records."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Merge the job's ids with what the call gives as `extra`."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message and every `extra` field as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        time = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def job_logger(fields: Mapping[str, object]) -> JobLogger:
    """A logger for one job; fields that are None are left out."""
    return JobLogger(_LOGGER, {key: value for key, value in fields.items() if value is not None})
