"""What is stored beside the jobs as one JSON object, whoever stored it."""

from __future__ import annotations

import logging
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
        elif all(type(body.get(name)) in (int, float) for name in numbers):
            return body
        else:
            wrong = f"without the numbers {', '.join(numbers)}"
    log.error("%s holds what no jetbull stores there and counts for nothing: %s", subject, wrong)
    return None


__all__ = ["object_of"]
