"""Jobs that are added with one deduplication id."""

from __future__ import annotations

from typing import Any


async def add(queue: Any, name: str, mode: dict[str, Any] | None = None, **options: Any) -> Any:
    """Add a job with the deduplication id "d" and the given mode."""
    return await queue.add(
        name, {"of": name}, {**options, "deduplication": {"id": "d", **(mode or {})}}
    )
