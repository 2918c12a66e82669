"""The report for machines, sealed with a digest so that a later change shows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from bull2jet.report.lines import Report


def document(report: Report) -> dict[str, Any]:
    """The report as plain values; what was not looked at is left out."""
    plain: dict[str, Any] = _plain(report)
    plain["exitCode"] = int(report.verdict)
    plain["verdict"] = report.verdict.name.lower()
    return plain


def sealed(report: Report) -> str:
    """The report as JSON text with a `seal`: SHA-256 of the same JSON, sorted, without the seal."""
    plain = document(report)
    plain["seal"] = "sha256:" + hashlib.sha256(canonical(plain)).hexdigest()
    return json.dumps(plain, indent=2, ensure_ascii=True)


def canonical(plain: dict[str, Any]) -> bytes:
    """Sorted, compact ASCII JSON."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {_camel(name): _plain(item) for name, item in pairs if item is not None}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


__all__ = ["canonical", "document", "sealed"]
