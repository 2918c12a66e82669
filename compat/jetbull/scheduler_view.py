"""A job scheduler as the dictionary callers get."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jetbull.options import expand

_NUMBERS = ("limit", "startDate", "endDate", "every", "offset")
_TEXTS = ("tz", "pattern")


def shown(key: str, body: Mapping[str, Any], next_ms: int | None) -> dict[str, Any]:
    """`{key, name, next, iterationCount, …, template}`; what was not given is left out."""
    found: dict[str, Any] = {"key": key, "name": body.get("name"), "next": next_ms}
    found["iterationCount"] = body.get("ic", 1)
    for field in ("limit", "startDate", "endDate", "tz", "pattern", "every", "offset"):
        if body.get(field) not in (None, ""):
            found[field] = body[field]
    template: dict[str, Any] = {}
    if body.get("data") not in (None, {}):
        template["data"] = body["data"]
    if body.get("opts") and isinstance(body["opts"], Mapping):  # whoever stored it
        template["opts"] = expand(body["opts"])
    if template:
        found["template"] = template
    return found


def from_hash(
    key: str, fields: Mapping[str, str], next_millis: int | None
) -> dict[str, Any] | None:
    """As `shown`, from the hash BullMQ keeps in Redis; without one, from a key of version 5."""
    if not fields:
        return _from_old_key(key, next_millis) if ":" in key else None
    body: dict[str, Any] = {"name": fields.get("name")}
    body |= {field: int(fields[field]) for field in ("ic", *_NUMBERS) if field in fields}
    body |= {field: fields[field] for field in _TEXTS if fields.get(field)}
    body |= {field: json.loads(fields[field]) for field in ("data", "opts") if fields.get(field)}
    return shown(key, body, next_millis)


def _from_old_key(key: str, next_millis: int | None) -> dict[str, Any]:
    """`name:id:endDate:tz:pattern`, the last of which may hold colons itself."""
    name, job_id, end, tz, pattern = (key.split(":", 4) + [""] * 5)[:5]
    return {
        "key": key,
        "name": name,
        "id": job_id or None,
        "endDate": int(end) if end.isdecimal() else None,
        "tz": tz or None,
        "pattern": pattern or None,
        "next": next_millis,
    }


__all__ = ["from_hash", "shown"]
