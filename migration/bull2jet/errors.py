"""Every error bull2jet raises on purpose: one sentence that names the value and the remedy."""

from __future__ import annotations


class MigrationError(Exception):
    """Root of bull2jet's errors; the message is fit to be shown to an operator."""


class AddressError(MigrationError):
    """A Redis or NATS address cannot be used; passwords never appear in the message."""


class SourceError(MigrationError):
    """Redis did not answer, or refused the login."""


class TargetError(MigrationError):
    """NATS did not answer, or lacks what is needed."""


class ReadOnlyError(MigrationError):
    """A writing command was about to be sent during `inspect`, `plan` or `verify`."""


class NotGoError(MigrationError):
    """Something found in the source stops the run; the message names it and the remedy."""


class RunInProgressError(MigrationError):
    """Another run holds the queue; the message names its host, process and age."""


class FencedError(MigrationError):
    """This run lost its hold of a queue to another one and has stopped writing."""


class JobDamagedError(MigrationError):
    """A job's content cannot be carried; `code` is the finding's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


__all__ = [
    "AddressError",
    "FencedError",
    "JobDamagedError",
    "MigrationError",
    "NotGoError",
    "ReadOnlyError",
    "RunInProgressError",
    "SourceError",
    "TargetError",
]
