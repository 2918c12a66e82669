"""Telling whether stored audio was made from the same parts."""

from __future__ import annotations

import hashlib
import json

from audibook.services import Services, in_thread

__all__ = ["FINGERPRINT", "fingerprint", "is_stored"]

FINGERPRINT = "fingerprint"
"""Name of the object's metadata that holds it."""

_VERSION = 2  # raise it when the same parts give other audio than before


def fingerprint(*parts: object) -> str:
    """A hash of everything the audio depends on."""
    text = json.dumps([_VERSION, *parts], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def is_stored(services: Services, key: str | None, wanted: str) -> bool:
    """Whether the object is there and was made from the parts of this fingerprint."""
    if key is None:
        return False
    info = await in_thread(services.storage.info, key)
    return info is not None and info.metadata.get(FINGERPRINT) == wanted
