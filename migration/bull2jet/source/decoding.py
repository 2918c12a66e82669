"""A job's hash, as Redis gives it, becomes a `Job`; what is wrong with it becomes findings.

The rules follow what the libraries themselves do when they read a job: what BullMQ reads as empty
is carried as empty (and said so); what makes BullMQ fail is not carried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from bull2jet.errors import JobDamagedError
from bull2jet.findings import Finding, Severity
from bull2jet.model import Job, State
from bull2jet.source.generation import Generation, Library
from bull2jet.source.json_text import json_problem, value_problem
from bull2jet.source.listed import Listing, due_of, level_of
from bull2jet.source.options import expanded

_KNOWN = frozenset(
    {
        "name", "data", "opts", "timestamp", "delay", "priority", "progress", "returnvalue",
        "failedReason", "stacktrace", "processedOn", "finishedOn", "parent", "parentKey",
        "atm", "attemptsMade", "ats", "stc", "stalledCounter", "rjk", "deid", "defa", "pb",
        "nrjid", "retriedOn", "igdp", "flowAttachmentFailed", "attempts", "lockAcquired",
    }
)  # fmt: skip
_ROUNDED = re.compile(r"\d[eE]\+\d")


@dataclass(slots=True)
class Reader:
    """Decodes the jobs of one queue; collects what it had to mend on the way."""

    generation: Generation
    queue: str
    found: list[Finding] = field(default_factory=list)

    def decode(self, listing: Listing, raw: Mapping[bytes, bytes]) -> Job:
        """The job; `JobDamagedError` when its content cannot be carried."""
        if not _is_utf8(listing.id):
            self._refuse(listing, "not-utf8", "its id is not UTF-8")
        fields = {_field_name(key): value for key, value in raw.items()}
        name, timestamp = self._name(listing, fields), self._timestamp(listing, fields)
        delay = self._delay(listing, fields)
        data = self._data(listing, fields)
        opts = self._opts(listing, fields)
        made = self._int(listing, fields, "attemptsMade") or self._int(listing, fields, "atm") or 0
        started = self._int(listing, fields, "ats")
        if "attemptsMade" in fields and "atm" not in fields:
            made, started = self._old_attempts(listing, fields, made)
        return Job(
            id=listing.id,
            state=listing.state,
            position=listing.position,
            score=listing.score,
            name=name,
            data=data,
            opts=opts,
            timestamp=timestamp,
            delay=delay,
            priority=self._priority(listing, fields),
            attemptsMade=made,
            attemptsStarted=started if started is not None else 0,
            stalledCounter=self._int(listing, fields, "stc")
            or self._int(listing, fields, "stalledCounter")
            or 0,
            progress=self._json_text(listing, fields, "progress"),
            returnvalue=self._json_text(listing, fields, "returnvalue"),
            failedReason=self._shown(listing, fields, "failedReason"),
            stacktrace=self._stacktrace(listing, fields),
            processedOn=self._int(listing, fields, "processedOn"),
            finishedOn=self._int(listing, fields, "finishedOn"),
            parent=self._parent(listing, fields, opts),
            parentKey=self._text(listing, fields, "parentKey"),
            repeatJobKey=self._text(listing, fields, "rjk") or _bull_repeat_key(opts),
            deduplicationId=self._text(listing, fields, "deid") or None,
            deferredFailure=self._shown(listing, fields, "defa"),
            processedBy=self._text(listing, fields, "pb"),
            due=due_of(listing),
            detached="igdp" in fields,
            extra=self._extra(listing, fields),
        )

    def _name(self, listing: Listing, fields: Mapping[str, bytes]) -> str:
        name = self._shown(listing, fields, "name")
        if name is None:
            if self.generation.library is Library.BULL and "data" in fields:
                return "__default__"
            self._refuse(
                listing,
                "half-written",
                f"its hash has no name (fields: {', '.join(sorted(fields)) or 'none'}); "
                "it was removed or evicted while something still wrote to it",
            )
        return name

    def _timestamp(self, listing: Listing, fields: Mapping[str, bytes]) -> int:
        timestamp = self._int(listing, fields, "timestamp")
        if timestamp is None:
            self._refuse(listing, "half-written", "its hash has no usable timestamp")
        return timestamp

    def _delay(self, listing: Listing, fields: Mapping[str, bytes]) -> int:
        delay = self._int(listing, fields, "delay") or 0
        early = self.generation.library is Library.BULLMQ and self.generation.release < (3, 3)
        if early and delay > 0 and listing.state is State.WAITING_CHILDREN:
            what = f"its delay of {delay:,} ms, which BullMQ up to 3.2 does not mind in a parent"
            what += ", begins when its children are done"
            self._note(listing, Severity.CHANGED, "parent-delay", what)
        return delay

    def _data(self, listing: Listing, fields: Mapping[str, bytes]) -> str:
        data = self._text(listing, fields, "data")
        if not data:
            self._note(listing, Severity.CHANGED, "no-data", "it has no data and is carried as {}")
            return "{}"
        problem = json_problem(data)
        if problem:
            self._refuse(listing, "broken-data", f"its data is no JSON ({problem})")
        return data

    def _opts(self, listing: Listing, fields: Mapping[str, bytes]) -> dict[str, Any]:
        text = self._text(listing, fields, "opts")
        if not text:
            self._note(listing, Severity.CHANGED, "no-opts", "it has no options; defaults apply")
            return {}
        problem = value_problem(text)
        opts = None if problem else json.loads(text)
        if opts == []:  # Redis' cjson writes an empty table as it likes
            opts = {}
        if not isinstance(opts, dict):
            problem = problem or "not an object"
            self._refuse(listing, "broken-opts", f"its options are no JSON object ({problem})")
        if _ROUNDED.search(text):
            self._note(
                listing,
                Severity.NOTE,
                "rounded-number",
                "an option holds a number that Redis' Lua has rounded to 14 digits",
            )
        return expanded(opts)

    def _priority(self, listing: Listing, fields: Mapping[str, bytes]) -> int:
        """The level of its place among the prioritized, which is what the library goes by."""
        noted = self._int(listing, fields, "priority") or 0
        level = level_of(listing)
        if level is None or level == noted:
            return noted
        what = f"its priority is {noted}, its place in the queue that of {level}, which counts"
        self._note(listing, Severity.CHANGED, "other-priority", what)
        return level

    def _old_attempts(
        self, listing: Listing, fields: Mapping[str, bytes], made: int
    ) -> tuple[int, int]:
        """BullMQ 1 to 4 counted a try when it began, Bull counts only tries that failed.

        A later version that has taken the job since counts the beginnings apart.
        """
        later = self._int(listing, fields, "ats")
        if later is not None:
            return made, max(made, later)
        if self.generation.library is Library.BULL:
            return made, made
        if listing.state is State.ACTIVE:
            return max(0, made - 1), made
        return made, made

    def _parent(
        self, listing: Listing, fields: Mapping[str, bytes], opts: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        text = self._text(listing, fields, "parent")
        if not text:
            return _early_parent(self._text(listing, fields, "parentKey"), opts)
        parent = None if value_problem(text) else json.loads(text)
        if not isinstance(parent, dict) or not {"id", "queueKey"} <= parent.keys():
            self._refuse(
                listing, "broken-parent", "its parent field is no JSON with id and queueKey"
            )
        return {**parent, "id": str(parent["id"])}

    def _stacktrace(self, listing: Listing, fields: Mapping[str, bytes]) -> tuple[str, ...]:
        text = self._text(listing, fields, "stacktrace")
        if not text:
            return ()
        lines = None if value_problem(text) else json.loads(text)
        if lines is None or lines == {}:
            return ()
        if not isinstance(lines, list):
            self._note(
                listing,
                Severity.CHANGED,
                "broken-stacktrace",
                "its stack trace is no JSON list and is carried as one entry",
            )
            return (text,)
        return tuple(line if isinstance(line, str) else json.dumps(line) for line in lines)

    def _json_text(self, listing: Listing, fields: Mapping[str, bytes], key: str) -> str | None:
        text = self._text(listing, fields, key)
        if not text:
            return None
        if value_problem(text):
            self._note(
                listing,
                Severity.CHANGED,
                f"broken-{key}",
                f"its {key} is no JSON and is carried as a string",
            )
            return json.dumps(text)
        return text

    def _int(self, listing: Listing, fields: Mapping[str, bytes], key: str) -> int | None:
        text = self._text(listing, fields, key)
        if text is None or text == "":
            return None
        if text == "undefined" and self.generation.finished_in_sets:
            return None  # what a client of that time wrote for an option that was not given
        try:
            return int(text) if text.lstrip("-").isdigit() else int(float(text))
        except (ValueError, OverflowError):
            self._note(
                listing,
                Severity.CHANGED,
                "broken-number",
                f"its {key} is no number and is carried as not set",
            )
            return None

    def _text(self, listing: Listing, fields: Mapping[str, bytes], key: str) -> str | None:
        raw = fields.get(key)
        if raw is None:
            return None
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._refuse(listing, "not-utf8", f"its {key} is not UTF-8")

    def _shown(self, listing: Listing, fields: Mapping[str, bytes], key: str) -> str | None:
        """A text in which BullMQ 5 stores halves of surrogate pairs as bytes that are no UTF-8,
        as of an error message cut amid an emoji; its own reader shows question marks for them."""
        text = fields.get(key, b"").decode("utf-8", "replace")
        if text.encode() == fields.get(key, b""):
            return self._text(listing, fields, key)
        what = f"its {key} holds bytes that are no UTF-8, which are carried as question marks"
        self._note(listing, Severity.CHANGED, "not-utf8", what)
        return text

    def _extra(self, listing: Listing, fields: Mapping[str, bytes]) -> dict[str, str]:
        extra = {}
        for key in fields.keys() - _KNOWN:
            extra[key] = self._text(listing, fields, key) or ""
            self._note(
                listing,
                Severity.LEFT,
                "unknown-field",
                f"its field {key!r} belongs to no known version and stays in Redis",
            )
        return extra

    def _refuse(self, listing: Listing, code: str, reason: str) -> NoReturn:
        raise JobDamagedError(code, f"not carried: {reason}.")

    def _note(self, listing: Listing, severity: Severity, code: str, text: str) -> None:
        self.found.append(Finding(severity, code, f"{text}.", self.queue, listing.id))


def _is_utf8(job_id: str) -> bool:
    """False for an id that `door.text` could only keep with lone surrogates."""
    return job_id.isascii() or not any("\udc80" <= char <= "\udcff" for char in job_id)


def _field_name(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def _early_parent(key: str | None, opts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parent of a job of the first BullMQs with flows, which had no field `parent`.

    A job that lost its parent has no `parentKey` any more, whatever its options say.
    """
    parent = opts.get("parent")
    if not key or not isinstance(parent, dict) or not {"id", "queue"} <= parent.keys():
        return None
    found = {"id": str(parent["id"]), "queueKey": str(parent["queue"])}
    return found if key == f"{found['queueKey']}:{found['id']}" else None


def _bull_repeat_key(opts: Mapping[str, Any]) -> str | None:
    """Bull keeps the `repeat` member in the options, not in a field of its own."""
    repeat = opts.get("repeat")
    key = repeat.get("key") if isinstance(repeat, dict) and "prevMillis" in opts else None
    return key if isinstance(key, str) else None


__all__ = ["Reader"]
