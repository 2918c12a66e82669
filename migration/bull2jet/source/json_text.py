"""Whether a text is JSON as the libraries write it, and writing texts as they do."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

#: levels of lists and objects in what is taken apart on the way, and not carried as its text
_DEEPEST = 200
_HALVES = re.compile("[\ud800-\udfff]")


def json_problem(text: str) -> str | None:
    """Why `text` is not the JSON that the libraries write, or None when it is."""
    try:
        json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        return "nested too deeply to be checked"
    except ValueError as error:
        return str(error)
    return None


def value_problem(text: str) -> str | None:
    """As `json_problem`, for what must be decoded: that may not be nested very deeply either."""
    problem = json_problem(text)
    if problem is None and text.count("[") + text.count("{") > _DEEPEST:
        level = [json.loads(text)]
        for _ in range(_DEEPEST):
            level = [part for value in level for part in _parts(value)]
        problem = "nested too deeply" if level else None
    return problem


def sound_json(text: str) -> str:
    """The same JSON with halves of surrogate pairs escaped, as UTF-8 has no form for them."""
    return text if _is_sound(text) else _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def sound_text(text: str) -> str:
    """The text with the replacement character for halves of surrogate pairs, as Node writes it."""
    return text if _is_sound(text) else _HALVES.sub("\ufffd", text)


def _parts(value: Any) -> Iterable[Any]:
    """The lists and objects that a list or an object holds."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, (dict, list))]


def _is_sound(text: str) -> bool:
    return text.isascii() or _HALVES.search(text) is None


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:20]} is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


__all__ = ["json_problem", "sound_json", "sound_text", "value_problem"]
