"""Log lines of the services: JSON objects, or text for people, with the job's ids on each."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from .settings import LogSettings

__all__ = ["TextFormatter", "log_fields", "set_up_logging"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's own copy of the message
}
# What a caller sends, a path or an id, begins no line of its own.
_ON_ONE_LINE = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}
_CHATTY = ("botocore", "boto3", "s3transfer", "urllib3", "uvicorn.access", "asyncio")

_fields: ContextVar[Mapping[str, Any] | None] = ContextVar("jetbull_log_fields", default=None)


@contextmanager
def log_fields(**fields: Any) -> Iterator[None]:
    """Put `fields` (those that are not None) on every record logged inside, in threads too."""
    kept = {name: value for name, value in fields.items() if value is not None}
    token = _fields.set({**(_fields.get() or {}), **kept})
    try:
        yield
    finally:
        _fields.reset(token)


class _JobFields(logging.Filter):
    """Adds the fields of `log_fields` to each record that does not have them itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        for name, value in (_fields.get() or {}).items():
            record.__dict__.setdefault(name, value)
        return True


class _JsonFormatter(logging.Formatter):
    """Time, level, logger, message and every further field as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line of JSON."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """`time LEVEL message  name=value …` on one line, with the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        text = f"{_time(record)} {record.levelname:<7} {record.getMessage()}"
        text = f"{text}  {extras.strip()}" if extras else text
        text = text.translate(_ON_ONE_LINE)
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return text


def set_up_logging(settings: LogSettings) -> None:
    """Send all log records to standard error; those of chatty libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_JobFields())
    handler.setFormatter(_JsonFormatter() if settings.as_json else TextFormatter())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
