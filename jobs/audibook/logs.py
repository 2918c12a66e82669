"""Log records that bear the ids of their job.

Modules log by the standard library with `extra={...}`; who runs the jobs decides where
the records go and what a line looks like. Texts of books, settings and credentials are
never logged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

__all__ = ["JobLogger", "job_logger"]

_LOGGER = logging.getLogger("audibook")


class JobLogger(logging.LoggerAdapter[logging.Logger]):
    """Puts the ids of one job on each of its log records."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Merge the job's ids with what the call gives as `extra`."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}


def job_logger(fields: Mapping[str, object]) -> JobLogger:
    """A logger for one job; fields that are None are left out."""
    return JobLogger(_LOGGER, {key: value for key, value in fields.items() if value is not None})
