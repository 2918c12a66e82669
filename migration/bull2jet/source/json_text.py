"""Whether a text is JSON as the libraries write it, and writing texts as they do."""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

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


def sound_json(text: str) -> str:
    """The same JSON with halves of surrogate pairs escaped, as UTF-8 has no form for them."""
    return text if _is_sound(text) else _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def sound_text(text: str) -> str:
    """The text with the replacement character for halves of surrogate pairs, as Node writes it."""
    return text if _is_sound(text) else _HALVES.sub("\ufffd", text)


def _is_sound(text: str) -> bool:
    return text.isascii() or _HALVES.search(text) is None


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:20]} is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


__all__ = ["json_problem", "sound_json", "sound_text"]
