"""A worker's options: defaults, and bad values refused in BullMQ's sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetbull.errors import ConfigurationError
from jetbull.options import keep_policy

DEFAULTS = {
    "drainDelay": 5,
    "concurrency": 1,
    "lockDuration": 30000,
    "maxStalledCount": 1,
    "stalledInterval": 30000,
    "runRetryDelay": 15000,
    "maximumRateLimitDelay": 30000,
}


def settled(opts: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options with defaults. ConfigurationError (a ValueError) for what cannot work."""
    given: dict[str, Any] = {**DEFAULTS, **(opts or {})}
    for name in DEFAULTS.keys() - {"concurrency"}:
        if given[name] is None:
            given[name] = DEFAULTS[name]
    positive("concurrency", given["concurrency"])
    if given["maxStalledCount"] < 0:
        raise ConfigurationError("maxStalledCount must be greater or equal than 0")
    if (given.get("maxStartedAttempts") or 0) < 0:
        raise ConfigurationError("maxStartedAttempts must be greater or equal than 0")
    if given["stalledInterval"] <= 0:
        raise ConfigurationError("stalledInterval must be greater than 0")
    if given["drainDelay"] <= 0:
        raise ConfigurationError("drainDelay must be greater than 0")
    for name in ("removeOnComplete", "removeOnFail"):
        keep_policy(given.get(name))
    if given.get("lockRenewTime") is None:
        given["lockRenewTime"] = given["lockDuration"] // 2
    return given


def positive(name: str, value: Any) -> None:
    """ConfigurationError unless `value` is a finite number of at least 1."""
    if not isinstance(value, int | float) or value < 1 or value != value or value == float("inf"):
        raise ConfigurationError(f"{name} must be a finite number greater than 0")


__all__ = ["DEFAULTS", "positive", "settled"]
