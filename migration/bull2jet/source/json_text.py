"""Whether a text is JSON as the libraries write it."""

from __future__ import annotations

import json
import math
from typing import NoReturn


def json_problem(text: str) -> str | None:
    """Why `text` is not the JSON that the libraries write, or None when it is."""
    try:
        json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        return "nested too deeply to be checked"
    except ValueError as error:
        return str(error)
    return None


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:20]} is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


__all__ = ["json_problem"]
