"""Every error the workload raises on purpose.

AudibookError                  a job could not be done; trying again may help
├── NotReadyError              parts the job needs have no finished audio yet
├── SpeechServiceError         a speech service did not answer properly
├── StorageError               the object store did not answer properly
├── CatalogueError             the database did not answer properly
├── AudioToolError             ffmpeg failed
├── TextChangedError           the text was edited while it was being spoken
└── UnrecoverableError         trying again cannot help
    ├── JobCancelledError      somebody asked for the job to be stopped
    ├── InvalidJobDataError    a field of the job's data is missing or wrong
    ├── UnknownJobError        no such job name
    ├── RecordNotFoundError    no such book, page or paragraph
    ├── ObjectNotFoundError    no such object in storage
    ├── EpubError              the EPUB cannot be read
    ├── SpeechSetupError       the speech engine is unknown or not set up
    ├── UnspeakableTextError   the engine cannot speak this text
    └── DiacriticsError        the diacritics model is missing or failed on every text

A worker recognises a failure that must not be retried by the class name
`UnrecoverableError` among the bases of the error, as BullMQ for Node does; BullMQ for Python
knows only its own class, and tries again.
"""

from __future__ import annotations

__all__ = [
    "AudibookError",
    "AudioToolError",
    "CatalogueError",
    "DiacriticsError",
    "EpubError",
    "InvalidJobDataError",
    "JobCancelledError",
    "NotReadyError",
    "ObjectNotFoundError",
    "RecordNotFoundError",
    "SpeechServiceError",
    "SpeechSetupError",
    "StorageError",
    "TextChangedError",
    "UnknownJobError",
    "UnrecoverableError",
    "UnspeakableTextError",
]


class AudibookError(Exception):
    """A job could not be done; another attempt may succeed."""


class NotReadyError(AudibookError):
    """Parts the job needs have no finished audio yet."""


class SpeechServiceError(AudibookError):
    """A speech service refused or did not answer.

    `retry_after` is the pause in seconds the service asked for, when it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageError(AudibookError):
    """The object store did not answer properly."""


class CatalogueError(AudibookError):
    """The database did not answer, or refused what it was asked."""


class AudioToolError(AudibookError):
    """ffmpeg could not be run, or ended with an error."""


class TextChangedError(AudibookError):
    """The paragraph's text was edited while it was being spoken."""


class UnrecoverableError(AudibookError):
    """The job cannot succeed however often it is tried."""


class JobCancelledError(UnrecoverableError):
    """Somebody asked for the job to be stopped while it ran."""


class InvalidJobDataError(UnrecoverableError):
    """A field of the job's data is missing or wrong; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class UnknownJobError(UnrecoverableError):
    """No job of this name exists."""


class RecordNotFoundError(UnrecoverableError):
    """No book, page or paragraph with this id exists."""


class ObjectNotFoundError(UnrecoverableError):
    """No object with this key exists in storage."""


class EpubError(UnrecoverableError):
    """The EPUB cannot be read; the message names the fault."""


class SpeechSetupError(UnrecoverableError):
    """The speech engine is unknown, not installed or not configured."""


class UnspeakableTextError(UnrecoverableError):
    """The speech engine cannot speak this text, or gave far too little audio for it."""


class DiacriticsError(UnrecoverableError):
    """The diacritics model is missing, or failed on every text of the book."""
