"""Jobs that old workers finish and remove while a queue is read that still lives."""

from __future__ import annotations

from collections.abc import Sequence

from bull2jet.findings import Finding
from bull2jet.source.door import Door
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import Holder, pages

MISSING = "missing-hash"


async def lasting(
    door: Door, keys: QueueKeys, holder: Holder, findings: Sequence[Finding]
) -> list[Finding]:
    """The findings without those of missing jobs that the collection does not list any more.

    It is gone through once more, if there are such; a list cannot be asked for an id.
    """
    missing = {finding.job for finding in findings if finding.code == MISSING}
    listed: set[str] = set()
    if missing:
        async for listings in pages(door, keys, holder):
            listed |= missing.intersection(row.id for row in listings)
    return [f for f in findings if f.code != MISSING or f.job in listed]


__all__ = ["MISSING", "lasting"]
