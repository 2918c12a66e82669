"""Telling whether stored audio was made from the same parts."""

from __future__ import annotations

import hashlib
import json

from audibook.catalogue import AudioStatus, Page, Paragraph
from audibook.errors import AudibookError
from audibook.logs import JobLogger
from audibook.services import Services, in_thread
from audibook.storage.keys import version_ms

__all__ = ["audio_notes", "fingerprint", "is_stored", "made_meanwhile", "stored_audio"]

_FINGERPRINT, _SECONDS = "fingerprint", "seconds"
"""Names of the object's metadata that hold it, and how long the audio is."""

_VERSION = 2  # raise it when the same parts give other audio than before


def fingerprint(*parts: object) -> str:
    """A hash of everything the audio depends on."""
    text = json.dumps([_VERSION, *parts], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def audio_notes(mark: str, seconds: float) -> dict[str, str]:
    """The metadata of an object by which a later attempt knows what audio it is."""
    return {_FINGERPRINT: mark, _SECONDS: repr(seconds)}


async def stored_audio(
    services: Services, row: Page | Paragraph, prefix: str, wanted: str, log: JobLogger
) -> tuple[str, float] | None:
    """The key and length of audio made from the parts of this fingerprint.

    It is what the row points to, or what an attempt stored that was killed before it could end.
    """
    key, seconds = row.audio_s3_key, row.audio_duration
    if key is not None and seconds is not None and await is_stored(services, key, wanted):
        return key, seconds
    if row.audio_status is not AudioStatus.GENERATING:
        return None  # no attempt left it behind
    try:
        versions = await in_thread(lambda: list(services.storage.keys(prefix)))
    except AudibookError as error:
        # It only saves work: who may not list the bucket makes the audio again.
        log.warning("could not look for what a killed attempt stored: %s", error)
        return None
    for version in sorted(versions, reverse=True):
        if version_ms(version, prefix) is None:
            continue
        info = await in_thread(services.storage.info, version)
        notes = info.metadata if info else {}
        if notes.get(_FINGERPRINT) == wanted and _SECONDS in notes:
            return version, float(notes[_SECONDS])
    return None


async def made_meanwhile(
    services: Services, before: Page | Paragraph, now: Page | Paragraph, wanted: str
) -> tuple[str, float] | None:
    """The key and length of the audio `wanted` now that another attempt made since this one began.

    There is one where a worker has lost a job, such as by a cut connection, and went on with it.
    """
    key, seconds = now.audio_s3_key, now.audio_duration
    if key is None or seconds is None or key == before.audio_s3_key:
        return None
    return (key, seconds) if await is_stored(services, key, wanted) else None


async def is_stored(services: Services, key: str | None, wanted: str) -> bool:
    """Whether the object is there and was made from the parts of this fingerprint."""
    if key is None:
        return False
    info = await in_thread(services.storage.info, key)
    return info is not None and info.metadata.get(_FINGERPRINT) == wanted
