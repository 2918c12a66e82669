"""A job on the wire: three lines of JSON, so that a transition rewrites only the first.

    line 1  what changes: progress, attempts, times, outcome, lock token
    line 2  what was given at `add`: name, timestamp, options, parent …
    line 3  the caller's data, byte for byte the JSON of `add`

Field names are BullMQ's (docs/wire-format.md). A third line that begins with `@` is a reference to
the object store instead of data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple

from jetbull.errors import NotJSONError

VERSION = 1

NO_JOB = "The stored message is no job"
_SPOILT = 16_384  # bytes that are kept of what is no job
_NUMBER = frozenset({int, float})
_TIME = frozenset({int, float, NoneType})
_TEXT = frozenset({str, NoneType})
_KINDS = {
    "after": _NUMBER,
    "attemptsMade": _NUMBER,
    "attemptsStarted": _NUMBER,
    "deferredFailure": _TEXT,
    "delay": _NUMBER,
    "due": _NUMBER,
    "failedReason": _TEXT,
    "finishedOn": _TIME,
    "priority": _NUMBER,
    "processedOn": _TIME,
    "stacktrace": frozenset({list, NoneType}),
    "stalledCounter": _NUMBER,
}

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _chunks() -> Callable[[Any, int], Iterable[str]]:
    """What `JSONEncoder.encode` makes anew for every call, which is half of its cost."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python than CPython
        return lambda value, _: [_encoder.encode(value)]
    quote = json.encoder.encode_basestring
    chunks: Callable[[Any, int], Iterable[str]] = make(
        None, _encoder.default, quote, None, ":", ",", False, False, False
    )
    return chunks


_encode = _chunks()
_quote = json.encoder.encode_basestring


def dumps(value: Any) -> str:
    """Compact JSON; NotJSONError (a TypeError and a ValueError, as in BullMQ for Python) for what
    has no form there, such as bytes, NaN and infinities.
    """
    if value is None:
        return "null"
    try:
        return "".join(_encode(value, 0))
    except (TypeError, ValueError) as error:
        raise NotJSONError(str(error)) from None
    except RecursionError:
        return _encoded_slowly(value)


def _encoded_slowly(value: Any) -> str:
    """By an encoder that tells a circle from depth."""
    try:
        return _encoder.encode(value)
    except ValueError as error:
        raise NotJSONError(str(error)) from None


def dumps_of(what: str, value: Any) -> str:
    """As `dumps`, with an error whose note says of what the value is.

    Its text is the encoder's alone: callers of BullMQ for Python compare it.
    """
    try:
        return dumps(value)
    except NotJSONError as error:
        error.add_note(f"It is {what}: text, numbers, lists and dictionaries can be stored.")
        raise


def first_line(head: dict[str, Any]) -> bytes:
    """Line 1 as JSON. What nearly every job has is filled in: that takes half of the time."""
    if not head:
        return b"{}"
    form = _FORMS.get(tuple(head))
    return to_bytes(dumps(head)) if form is None else form(head)


def _running(head: dict[str, Any]) -> bytes:
    """Of a job that runs for the first time."""
    since, token, started, after = head.values()
    if type(since) is type(started) is type(after) is int and type(token) is str:
        text = f'{{"processedOn":{since},"token":{_quote(token)},"attemptsStarted":{started},'
        return to_bytes(f'{text}"after":{after}}}')
    return to_bytes(dumps(head))


def _completed(head: dict[str, Any]) -> bytes:
    """Of a job that was completed at once."""
    since, started, finished, made, value = head.values()
    if type(since) is type(started) is type(finished) is type(made) is int:
        text = f'{{"processedOn":{since},"attemptsStarted":{started},"finishedOn":{finished},'
        return to_bytes(f'{text}"attemptsMade":{made},"returnvalue":{dumps(value)}}}')
    return to_bytes(dumps(head))


_FORMS: dict[tuple[str, ...], Callable[[dict[str, Any]], bytes]] = {
    ("processedOn", "token", "attemptsStarted", "after"): _running,
    ("processedOn", "attemptsStarted", "finishedOn", "attemptsMade", "returnvalue"): _completed,
}


def _check(head: dict[str, Any]) -> None:
    """ValueError unless all that is counted with is a number, and each text or list is one."""
    for name, value in head.items():
        kind = _KINDS.get(name)
        if kind is not None and type(value) not in kind:
            raise ValueError(f"its {name} is {value!r}")


def loads(text: bytes) -> Any:
    """As `json.loads`, in half the time for what is stored: UTF-8 without spaces around it."""
    try:
        plain = text.decode()
        value, end = _scan(plain, 0)
    except (UnicodeDecodeError, StopIteration):
        return json.loads(text)
    return value if end == len(plain) else json.loads(text)


def to_bytes(text: str) -> bytes:
    """UTF-8, keeping lone surrogates that JSON text may legally carry escaped."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(json.loads(text)).encode()


@dataclass(slots=True)
class Record:
    """One job's content, apart from where (subject) and when (sequence) it is stored."""

    head: dict[str, Any]
    fixed: bytes
    data: bytes
    _parsed: dict[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def new(cls, fixed: dict[str, Any], data: bytes, head: dict[str, Any] | None = None) -> Record:
        """The record of a new job; `fixed` becomes line 2, with the version of the format."""
        fixed = {"v": VERSION, **fixed}
        return cls(head or {}, to_bytes(dumps(fixed)), data, fixed)

    @classmethod
    def decode(cls, payload: bytes) -> Record:
        """The record that a message holds. ValueError if it is none."""
        line, fixed, data = payload.split(b"\n", 2)
        head = {} if line == b"{}" else loads(line)
        if type(head) is not dict:
            raise ValueError("its first line is no JSON object")
        return cls(head, fixed, data)

    @classmethod
    def read(cls, payload: bytes) -> Record:
        """As `decode`, of a message that stands where a job should; of any other one a spoilt
        record, so that it can be listed, has its turn, fails, and keeps no other job waiting.
        """
        try:
            record = cls.decode(payload)
            if record.head:
                _check(record.head)
            return record
        except ValueError as error:
            record = cls({}, b"", b"")
            record.spoil(payload, error)
            return record

    def spoil(self, payload: bytes, error: Exception) -> None:
        """Makes it a job that fails because of an `error` in reading the `payload`, which becomes
        its data, as text.
        """
        reason = f"{NO_JOB}: {error!r}"
        self.head = {**self.head, "deferredFailure": reason}
        self._parsed = {"v": VERSION, "name": "unreadable", "timestamp": 0, "opts": {}}
        self.fixed = to_bytes(dumps(self._parsed))
        self.data = to_bytes(dumps(payload[:_SPOILT].decode("utf-8", "replace")))

    def encode(self) -> bytes:
        """The three lines as they are stored."""
        return b"%b\n%b\n%b" % (first_line(self.head), self.fixed, self.data)

    @property
    def given(self) -> dict[str, Any]:
        """Line 2, parsed once."""
        if self._parsed is None:
            self._parsed = loads(self.fixed)
        return self._parsed

    def with_given(self, **changes: Any) -> Record:
        """A copy whose line 2 has some fields replaced."""
        fixed = {**self.given, **changes}
        return Record(dict(self.head), to_bytes(dumps(fixed)), self.data, fixed)

    def with_head(self, head: dict[str, Any]) -> Record:
        """The same job with another line 1."""
        return Record(head, self.fixed, self.data, self._parsed)

    def copy(self) -> Record:
        """A record of its own, with the same lines 2 and 3."""
        return self.with_head(dict(self.head))

    def same_job(self, other: Record) -> bool:
        """Whether both come from one `add`: line 2 says what was given, and when, to the ms."""
        return self.fixed == other.fixed

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.given["name"])

    @property
    def opts(self) -> dict[str, Any]:
        """The job's options."""
        opts: dict[str, Any] = self.given.get("opts") or {}
        return opts

    @property
    def priority(self) -> int:
        """The priority it has now; 0 without one."""
        return int(self.head.get("priority", 0))

    def value(self) -> Any:
        """The caller's data, decoded."""
        return loads(self.data)


class Stored(NamedTuple):
    """A record as the stream holds it: guards are made of `subject` and `seq`."""

    subject: str
    seq: int
    record: Record
    time_ms: int = 0


__all__ = ["NO_JOB", "Record", "Stored", "dumps", "dumps_of", "first_line", "loads", "to_bytes"]
