"""The job everybody gets: a number and some padding."""

from __future__ import annotations

from typing import Any

__all__ = ["jobs", "payload"]


def payload(number: int, pad: int = 100, **more: Any) -> dict[str, Any]:
    """`{"i": number, "pad": "xxx…"}` and what else is given."""
    return {"i": number, "pad": "x" * pad, **more}


def jobs(first: int, count: int, pad: int = 100) -> list[dict[str, Any]]:
    """`count` payloads, numbered from `first`."""
    return [payload(first + n, pad) for n in range(count)]
