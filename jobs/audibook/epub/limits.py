"""How much of an EPUB is taken in before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on an archive; sizes in bytes. The defaults let every real book through."""

    entries: int = 20_000
    """Files in the archive."""
    unpacked: int = 2048 * _MIB
    """All files together, unpacked: picture books are large."""
    ratio: int = 100
    """Unpacked by packed size, looked at from `ratio_from` on."""
    ratio_from: int = 64 * _MIB
    document: int = 32 * _MIB
    """One document, unpacked: read in half a gigabyte of memory."""
    documents: int = 256 * _MIB
    """All documents that are read, together."""
