"""What the server tells page by page, read to its end: names of streams, consumers and subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jetbull.ledger.wire import Wire


async def names(wire: Wire, verb: str, field: str) -> list[str]:
    """All names that the answers to `verb` hold in `field`."""
    return await _all(wire, verb, {}, lambda answer: answer.get(field) or ())


async def subjects(wire: Wire, stream: str, pattern: str) -> list[str]:
    """Every subject of a stream that matches and holds a message, as the stream's leader says."""
    verb, body = f"STREAM.INFO.{stream}", {"subjects_filter": pattern}
    return await _all(wire, verb, body, lambda answer: answer["state"].get("subjects") or ())


async def _all(
    wire: Wire,
    verb: str,
    body: dict[str, Any],
    page_of: Callable[[dict[str, Any]], Iterable[str]],
) -> list[str]:
    found: list[str] = []
    while True:
        answer = await wire.api(verb, {**body, "offset": len(found)})
        page = [*page_of(answer)]
        found += page
        if not page or len(found) >= int(answer.get("total", 0)):
            return found


__all__ = ["names", "subjects"]
