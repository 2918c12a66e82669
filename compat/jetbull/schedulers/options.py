"""The repeat options of a scheduler: checked, and as its record and its jobs hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetbull.checks import mapping, number, numeral, shown
from jetbull.errors import ConfigurationError
from jetbull.options import check_number
from jetbull.repeating import to_millis


def checked(repeat_opts: Any) -> dict[str, Any]:
    """The options, `every` and `limit` as numbers.

    ConfigurationError (a ValueError) for those that exclude each other or make no sense.
    """
    repeat = dict(mapping("The repeat options", repeat_opts))
    _check(repeat)
    if repeat.get("every"):
        repeat["every"] = _interval(repeat["every"])
    if not (repeat.get("every") and repeat.get("offset")):
        repeat.pop("offset", None)  # none, as in BullMQ: the interval's own is kept
    if repeat.get("limit") is not None:
        repeat["limit"] = numeral(repeat["limit"])
        check_number(".limit", repeat["limit"])
    return repeat


def record_body(
    name: str,
    repeat: Mapping[str, Any],
    upcoming: int | None,
    data: Any,
    opts: Mapping[str, Any],
) -> dict[str, Any]:
    """What the record of a scheduler holds; `upcoming` (ms) is the next time of a pattern."""
    body = {
        "name": name,
        "next": upcoming,
        "tz": repeat.get("tz"),
        "pattern": repeat.get("pattern"),
        "every": repeat.get("every"),
        "limit": repeat.get("limit"),
        "offset": repeat.get("offset"),
        "startDate": to_millis(repeat.get("startDate")),
        "endDate": to_millis(repeat.get("endDate")),
    }
    body = {field: value for field, value in body.items() if value is not None}
    body["data"] = {} if data is None else data
    if opts:
        body["opts"] = opts
    return body


def of_jobs(repeat: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The option `repeat` of a scheduler's job; `count` is its number among them."""
    kept = {field: value for field, value in repeat.items() if field != "immediately"}
    dates: dict[str, Any] = {
        field: to_millis(kept[field]) for field in ("startDate", "endDate") if field in kept
    }
    return {**kept, **dates, "count": count}


def _interval(every: Any) -> float:
    given: float = numeral(every)
    check_number(".every", given)
    if given < 1:
        raise ConfigurationError(f".every is at least 1 ms, not {every!r}.")
    return given


def _check(repeat: Mapping[str, Any]) -> None:
    if repeat.get("pattern") and repeat.get("every"):
        raise ConfigurationError(
            "Both .pattern and .every options are defined for this repeatable job"
        )
    if not repeat.get("pattern") and not repeat.get("every"):
        raise ConfigurationError(
            "Either .pattern or .every options must be defined for this repeatable job"
        )
    for option in ("pattern", "tz"):
        if not isinstance(repeat.get(option) or "", str):
            raise ConfigurationError(f".{option} is a text, not {repeat[option]!r}.")
    number(".offset", repeat.get("offset") or 0)
    for option in ("startDate", "endDate"):
        if repeat.get(option) and to_millis(repeat[option]) is None:
            raise ConfigurationError(
                f".{option} is a time (ms since 1970, ISO 8601 text or a datetime), not "
                f"{shown(repeat[option])}."
            )
    if repeat.get("immediately") and repeat.get("startDate"):
        raise ConfigurationError(
            "Both .immediately and .startDate options are defined for this repeatable job"
        )


__all__ = ["checked", "of_jobs", "record_body"]
