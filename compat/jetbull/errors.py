"""Every error jetbull raises, in one small tree.

Callers that knew BullMQ for Python catch `TypeError` for a refused command (its `scripts.py` raises
it), `Exception` with `.code` for a refused flow, redis-py's errors for a server that is away; all
still work, since the classes below derive from what BullMQ raised as well as from `JetbullError`.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Self

# JetStream: a wrong last sequence, and not which is the right one; a message id that is in process.
_UNDER_WAY = frozenset({10164, 10158})


def text_of(error: BaseException | str) -> str:
    """What an error says; a placeholder, as in a traceback, if its own `__str__` fails."""
    try:
        return str(error)
    except Exception:
        return "<exception str() failed>"


class JetbullError(Exception):
    """Root of all errors raised by jetbull."""


class ConfigurationError(JetbullError, ValueError):
    """An option or setting has a value that cannot work; the message names it and the remedy."""


class NotJSONError(ConfigurationError, TypeError):
    """A value cannot be written as JSON; the message says what stands in the way."""


class _OfTheServer(JetbullError):
    """An error that callers of BullMQ know as one of redis-py's.

    Where a program has imported redis, its `except redis.exceptions.ConnectionError` (or
    `TimeoutError`, `RedisError`) catches the error too.
    """

    in_redis: ClassVar[str]

    def __new__(cls, *args: object) -> Self:
        known = getattr(sys.modules.get("redis.exceptions"), cls.in_redis, None)
        return super().__new__(_both(cls, known) if isinstance(known, type) else cls, *args)


_kinds: dict[tuple[type, type], type[Any]] = {}


def _both(cls: type[_OfTheServer], known: type) -> type[Any]:
    """The class under its own name, that derives from redis-py's as well."""
    if issubclass(cls, known):
        return cls
    if (cls, known) not in _kinds:
        _kinds[cls, known] = _made(cls, known)
    return _kinds[cls, known]


def _made(cls: type[_OfTheServer], known: type) -> type[Any]:
    def reduce(error: BaseException) -> tuple[Any, ...]:
        return cls, error.args, error.__dict__

    body: dict[str, Any] = {"__module__": cls.__module__, "__doc__": cls.__doc__}
    body["__reduce__"] = reduce
    body["__repr__"] = BaseException.__repr__  # redis-py's own needs what its constructor sets
    return type(cls.__name__, (cls, known), body)


class ServerUnavailable(_OfTheServer, ConnectionError):
    """No usable NATS server answered; the message says how to start or configure one."""

    in_redis = "ConnectionError"


class ServerTooOld(ServerUnavailable):
    """The server lacks a feature the ledger rests on; the message names the version needed."""


class ConnectionClosedError(JetbullError):
    """The object was closed while the call needed its connection, or is a worker that is closed and
    takes no more jobs (BullMQ: 'Connection is closed').
    """


class StoreError(JetbullError):
    """The server refused to store a message, and not because another writer came first."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Conflict(StoreError):
    """Another transition was stored first: the guard refused this one (JetStream error 10071).

    `repeated`: the message was sent for a second time because the first answer was lost, so what
    stands in its way may be its own first copy.
    """

    repeated = False

    @property
    def is_open(self) -> bool:
        """Whether what stands in the way is only under way: a leader that waits for the other
        servers of its cluster knows no sequence of it, and cannot tell whether it will be stored.
        """
        return self.code in _UNDER_WAY


class BatchTooLarge(StoreError):
    """The batch has more messages than the server takes in one (JetStream error 10199)."""


class StreamMissing(StoreError):
    """The stream is not there (yet): it was deleted, or the server is still recovering."""


class PayloadTooLarge(StoreError):
    """A message is larger than the server takes; the message names both sizes."""


class AckTimeout(_OfTheServer, TimeoutError):
    """The server did not confirm in time; the message may or may not be stored."""

    in_redis = "TimeoutError"


class JobError(JetbullError, TypeError):
    """A command on a job was refused (BullMQ error codes -1 to -11, see `ErrorCode`)."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class FlowError(JetbullError):
    """A flow was refused as a whole; `.code` is -5 or -7."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class UnrecoverableError(JetbullError):
    """Raised by a processor: fail now, whatever attempts are left."""


class WaitingChildrenError(JetbullError):
    """Raised by a processor after `moveToWaitingChildren` returned True."""


class DelayedError(JetbullError):
    """Raised by a processor after `moveToDelayed`."""


class WaitingError(JetbullError):
    """Raised by a processor after `moveToWait`."""

    def __init__(self, message: str = "bullmq:movedToWait") -> None:
        super().__init__(message)


class RateLimitError(JetbullError):
    """Raised by a processor after `worker.rateLimit(ms)`: the job goes back to the head."""

    def __init__(self, message: str = "bullmq:rateLimitExceeded") -> None:
        super().__init__(message)


class HasFailedChildren(UnrecoverableError, JobError):
    """A child failed and the parent may not finish (BullMQ code -9)."""

    def __init__(self, message: str) -> None:
        JobError.__init__(self, message, -9)


__all__ = [
    "AckTimeout",
    "BatchTooLarge",
    "ConfigurationError",
    "Conflict",
    "ConnectionClosedError",
    "DelayedError",
    "FlowError",
    "HasFailedChildren",
    "JetbullError",
    "JobError",
    "NotJSONError",
    "PayloadTooLarge",
    "RateLimitError",
    "ServerTooOld",
    "ServerUnavailable",
    "StoreError",
    "StreamMissing",
    "UnrecoverableError",
    "WaitingChildrenError",
    "WaitingError",
    "text_of",
]
