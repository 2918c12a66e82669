"""Job options: BullMQ's short keys become the names callers know, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bull2jet.source.generation import Generation

#: short key in Redis -> option name (BullMQ `optsDecodeMap`)
_LONG = {
    "cpof": "continueParentOnFailure",
    "de": "deduplication",
    "fpof": "failParentOnFailure",
    "idof": "ignoreDependencyOnFailure",
    "kl": "keepLogs",
    "rdof": "removeDependencyOnFailure",
}
SHORT = {name: short for short, name in _LONG.items()}
#: BullMQ's version from which on it reads a short key; before it takes it for an unknown option
_SINCE = {
    "cpof": (5, 58),
    "de": (5, 11),
    "fpof": (2, 1),
    "idof": (5, 2),
    "kl": (3, 6),
    "rdof": (4, 4),
}
_TELEMETRY = {"tm": "metadata", "omc": "omitContext"}


def expanded(opts: Mapping[str, Any]) -> dict[str, Any]:
    """Options as `add` takes them; `tm` and `omc` become `telemetry`."""
    result: dict[str, Any] = {}
    telemetry: dict[str, Any] = {}
    for key, value in opts.items():
        if key in _TELEMETRY:
            telemetry[_TELEMETRY[key]] = value
        elif key == "debounce":  # what BullMQ 5 called deduplication at first
            result.setdefault("deduplication", value)
        else:
            result[_LONG.get(key, key)] = value
    if telemetry:
        result["telemetry"] = telemetry
    return result


def abbreviated(opts: Mapping[str, Any], generation: Generation | None = None) -> dict[str, Any]:
    """Options as BullMQ stores them, of the newest version or of that generation."""
    release = (9, 0) if generation is None else generation.release
    result: dict[str, Any] = {}
    for key, value in opts.items():
        if key == "telemetry" and isinstance(value, Mapping):
            for short, name in _TELEMETRY.items():
                if name in value:
                    result[short] = value[name]
        else:
            short = SHORT.get(key, key)
            result[short if release >= _SINCE.get(short, release) else key] = value
    return result


__all__ = ["SHORT", "abbreviated", "expanded"]
