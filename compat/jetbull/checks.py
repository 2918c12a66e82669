"""Checks of what callers pass in, made at the door.

Each function returns the value in the form that is needed, or raises ConfigurationError (a
ValueError): one sentence that names the argument, the value, and what it should be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jetbull.errors import ConfigurationError

_NUMERAL = re.compile(r"\s*[-+]?[0-9]{1,18}\s*", re.ASCII)
_LONGEST = 60  # characters of a value in a sentence


def numeral(value: Any) -> Any:
    """The value; of a text that spells a whole number, that number, as BullMQ's Lua takes it."""
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        return int(value)
    return value


def shown(value: Any) -> str:
    """The value as an error message shows it: shortened if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def is_finite(value: Any) -> bool:
    """Whether it is a number, and a finite one. False is 0, as in BullMQ; True is no number."""
    if isinstance(value, int):
        return value is not True
    return isinstance(value, float) and math.isfinite(value)


def number(name: str, value: Any, least: int | None = None) -> int:
    """A number of at least `least`, without its fraction; whole numbers may be given as text."""
    given = numeral(value)
    if is_finite(given) and (least is None or given >= least):
        return int(given)
    bound = "" if least is None else f" of {least} or more"
    raise ConfigurationError(f"{name} is a number{bound}, not {shown(value)}.")


def position(name: str, value: Any) -> int:
    """A position in a list: a whole number; negative ones count from the end."""
    given = numeral(value)
    if isinstance(given, int) or (isinstance(given, float) and given.is_integer()):
        return int(given)
    raise ConfigurationError(
        f"{name} is a place in the list, a whole number (-1: the last), not {shown(value)}."
    )


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """A dictionary; None and other empty values stand for an empty one."""
    if not value:
        return {}
    if type(value) is dict or isinstance(value, Mapping):
        return value
    raise ConfigurationError(f"{name} is a dictionary, not {shown(value)}.")


def dictionary(name: str, value: Any) -> Mapping[str, Any]:
    """A dictionary, which may be empty."""
    if type(value) is dict or isinstance(value, Mapping):
        return value
    raise ConfigurationError(f"{name} is a dictionary, not {shown(value)}.")


def numbers(name: str, value: Any) -> list[int]:
    """A list of numbers."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [number(f"One of the {name}", item) for item in value]
    raise ConfigurationError(f"{name} is a list of numbers, not {shown(value)}.")


def mappings(name: str, value: Any) -> list[Mapping[str, Any]]:
    """A list of dictionaries."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        rows = list(value)
        for row in rows:
            if type(row) is not dict and not isinstance(row, Mapping):
                value = row
                break
        else:
            return rows
    raise ConfigurationError(f"{name} is a list of dictionaries, not of {shown(value)}.")


def label(name: str, value: Any) -> str:
    """A name or an id: a text, or a number, which becomes one."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ConfigurationError(f"{name} is a text, not {shown(value)}.")


def labels(name: str, value: Any) -> list[str]:
    """A list of texts; a single text counts as a list of one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        texts = list(value)
        if all(isinstance(text, str) for text in texts):
            return texts
    raise ConfigurationError(f"{name} is a list of texts, not {shown(value)}.")


__all__ = [
    "dictionary",
    "is_finite",
    "label",
    "labels",
    "mapping",
    "mappings",
    "number",
    "numbers",
    "numeral",
    "position",
    "shown",
]
