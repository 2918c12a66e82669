"""What is stored beside the jobs as one JSON object, whoever stored it."""

from __future__ import annotations

import logging
from math import isfinite
from typing import Any

from jetbull.ledger.messages.record import loads

log = logging.getLogger("jetbull.ledger")


def object_of(subject: str, data: bytes, *numbers: str) -> dict[str, Any] | None:
    """The object, in which these fields are numbers; None, and a line in the log, for anything
    else: no jetbull wrote it, and it must not keep jobs waiting.
    """
    try:
        body = loads(data)
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    else:
        if not isinstance(body, dict):
            wrong = "no JSON object"
        elif all(_is_number(body.get(name)) for name in numbers):
            return body
        else:
            wrong = f"without the numbers {', '.join(numbers)}"
    log.error("%s holds what no jetbull stores there and counts for nothing: %s", subject, wrong)
    return None


def _is_number(value: object) -> bool:
    return type(value) is int or (type(value) is float and isfinite(value))


__all__ = ["object_of"]
