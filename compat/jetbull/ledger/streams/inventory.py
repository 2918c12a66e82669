"""What jetbull keeps on a server, seen from outside: for leak checks."""

from __future__ import annotations

from jetbull.errors import StreamMissing
from jetbull.ledger.messages.names import GONE
from jetbull.ledger.streams import listing
from jetbull.ledger.streams.streams import all_prefix_streams
from jetbull.ledger.wire import Wire

_STATE, _ID = 3, 5  # jb.<prefix>.<queue>.<state>.<lane>.<id>
_KIND = 3  # jbq.<prefix>.<queue>.<kind>.<key>
_OWNER = 3  # jbd., jbl., jbo.<prefix>.<queue>.<job>…
_JOB_TOKENS = 6


async def listening_consumers(wire: Wire) -> list[str]:
    """`<stream>/<consumer>` of every listener of events."""
    found: list[str] = []
    for stream in await all_prefix_streams(wire):
        if stream.startswith("JBE_"):
            try:
                names = await listing.names(wire, f"CONSUMER.NAMES.{stream}", "consumers")
            except StreamMissing:
                continue  # it was removed meanwhile
            found += [f"{stream}/{name}" for name in names]
    return found


async def ownerless_subjects(wire: Wire) -> list[str]:
    """Subjects that belong to a job that does not exist: log rows, payloads, patches, books."""
    living: set[tuple[str, ...]] = set()
    belongings: list[tuple[tuple[str, ...], str]] = []
    for stream in await all_prefix_streams(wire):
        if stream.startswith(("JBE_", "JBC_")):
            continue
        try:
            subjects = await listing.subjects(wire, stream, ">")
        except StreamMissing:
            continue  # it was removed meanwhile
        for subject in subjects:
            parts = subject.split(".")
            if parts[0] == "jb" and len(parts) == _JOB_TOKENS:
                if parts[_STATE] != GONE:
                    living.add((*parts[1:3], parts[_ID]))
            elif parts[0] != "jbq":
                belongings.append(((*parts[1:3], parts[_OWNER]), subject))
            elif parts[_KIND] == "patch":
                belongings.append(((*parts[1:3], parts[4]), subject))
    return [subject for owner, subject in belongings if owner not in living]


__all__ = ["listening_consumers", "ownerless_subjects"]
