"""What an object store must offer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from audibook.errors import UnrecoverableError

__all__ = ["ObjectInfo", "Storage", "checked_key"]

_MAX_KEY_BYTES = 1024  # the limit of S3
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of a stored object; `metadata` has lower-case names and ASCII values."""

    key: str
    size: int
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class Storage(Protocol):
    """Objects under keys such as `audio/<book>/<paragraph>_<ms>.mp3`.

    All calls block: run them in a thread. Each may be called by several threads at once.
    An object is seen whole or not at all, also while it is replaced.
    """

    def put_file(
        self, key: str, path: Path, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Store a copy of the file at `path` under `key`, replacing what was there."""

    def fetch_file(self, key: str, path: Path) -> None:
        """Copy the object to a new file at `path`; raises ObjectNotFoundError."""

    def info(self, key: str) -> ObjectInfo | None:
        """What is known of the object, or None when there is none."""

    def delete(self, key: str) -> None:
        """Delete the object; nothing happens when there is none."""

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order, however many there are."""

    def close(self) -> None:
        """Let go of connections."""


def checked_key(key: str) -> str:
    """The key, when it is safe in every store; raises UnrecoverableError otherwise."""
    parts = key.split("/")
    if (
        not key
        or len(key.encode()) > _MAX_KEY_BYTES
        or "\\" in key
        or _CONTROL.search(key)
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise UnrecoverableError(
            f"The storage key {key[:200]!r} is not allowed: use names joined by '/', none of "
            "them empty, '.' or '..', without backslashes or control characters."
        )
    return key
