"""Job options: BullMQ's short keys become the names callers know, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: short key in Redis -> option name (BullMQ `optsDecodeMap`)
LONG = {
    "cpof": "continueParentOnFailure",
    "de": "deduplication",
    "fpof": "failParentOnFailure",
    "idof": "ignoreDependencyOnFailure",
    "kl": "keepLogs",
    "rdof": "removeDependencyOnFailure",
}
SHORT = {name: short for short, name in LONG.items()}
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
            result[LONG.get(key, key)] = value
    if telemetry:
        result["telemetry"] = telemetry
    return result


def abbreviated(opts: Mapping[str, Any]) -> dict[str, Any]:
    """Options as BullMQ 5 and 6 store them."""
    result: dict[str, Any] = {}
    for key, value in opts.items():
        if key == "telemetry" and isinstance(value, Mapping):
            for short, name in _TELEMETRY.items():
                if name in value:
                    result[short] = value[name]
        else:
            result[SHORT.get(key, key)] = value
    return result


__all__ = ["LONG", "SHORT", "abbreviated", "expanded"]
