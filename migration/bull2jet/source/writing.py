"""A job as the commands that put it (back) into Redis, in the layout of its library."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bull2jet.model import Job, State
from bull2jet.source.door import Command
from bull2jet.source.generation import Generation, Library
from bull2jet.source.json_text import sound_json, sound_text
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listed import LEVEL, STEPS
from bull2jet.source.options import SHORT, abbreviated

_AT_ONCE = 500  # arguments of one command
#: policies that BullMQ repeats in the child's `parent` field
_POLICIES = ("failParentOnFailure", "ignoreDependencyOnFailure", "removeDependencyOnFailure",
             "continueParentOnFailure")  # fmt: skip
#: fields that hold JSON; the other texts are as they are
_JSON = frozenset({"data", "progress", "returnvalue"})


@dataclass(frozen=True, slots=True)
class Writer:
    """Builds commands for the jobs of one queue."""

    keys: QueueKeys
    generation: Generation

    def hash(self, job: Job, opts: str | None) -> list[Command]:
        """The job's hash, written anew; `opts` is how its options are spelled there already."""
        key = self.keys.job(job.id)
        fields = self._fields(job) if opts is None else self._fields(job) | {"opts": opts}
        flat = [part for pair in fields.items() for part in pair]
        return [("DEL", key), ("HSET", key, *flat)]

    def beside(self, job: Job) -> list[Command]:
        """Logs and children, written anew."""
        key = self.keys.job(job.id)
        parts = ("logs", "dependencies", "processed", "failed", "unsuccessful")
        commands: list[Command] = [("DEL", *(f"{key}:{part}" for part in parts))]
        family = job.family
        logs = [sound_text(row) for row in job.logs]
        processed = {child: sound_json(value) for child, value in family.processed.items()}
        failed = {child: sound_text(reason) for child, reason in family.failed.items()}
        commands += _sliced("RPUSH", f"{key}:logs", logs, 1)
        commands += _sliced("SADD", f"{key}:dependencies", family.pending, 1)
        commands += _sliced("HSET", f"{key}:processed", _flat(processed.items()), 2)
        commands += _sliced("HSET", f"{key}:failed", _flat(failed.items()), 2)
        scored = _flat((str(when), child) for child, when in family.unsuccessful.items())
        commands += _sliced("ZADD", f"{key}:unsuccessful", scored, 2)
        return commands

    def place(self, job: Job, number: int, score: float | None = None) -> list[Command]:
        """Puts the id where the library looks for it; `number` grows from job to job of a state.

        `score` is the one that a delayed job had, if that is still right.
        Waiting jobs must come in running order; the queue is frozen, so up to BullMQ 5 they go
        where a paused queue keeps them.
        """
        match job.state:
            case State.WAITING | State.ACTIVE:
                return self._in_list(job)
            case State.PRIORITIZED if not self._has_prioritized:
                return self._in_list(job)
            case State.PRIORITIZED:
                rank = job.priority * LEVEL + number % LEVEL
                counter: Command = ("SET", self.keys("pc"), number)
                return [("ZADD", self.keys("prioritized"), rank, job.id), counter]
            case State.DELAYED:
                due = (job.due or 0) * STEPS + (number & (STEPS - 1))
                stands = str(due) if score is None else repr(score)
                return [("ZADD", self.keys("delayed"), stands, job.id)]
            case State.WAITING_CHILDREN:
                return [("ZADD", self.keys("waiting-children"), job.timestamp, job.id)]
            case State.COMPLETED | State.FAILED:
                if self.generation.finished_in_sets:
                    return [("SADD", self.keys(job.state.value), job.id)]
                ended = job.finishedOn or job.timestamp
                return [("ZADD", self.keys(job.state.value), ended, job.id)]

    @property
    def _has_prioritized(self) -> bool:
        return self.generation.library is Library.BULLMQ and self.generation.highest >= 4

    def _in_list(self, job: Job) -> list[Command]:
        name = "paused" if self.generation.moves_list_when_paused else "wait"
        commands: list[Command] = [("LPUSH", self.keys(name), job.id)]
        if job.priority > 0 and not self._has_prioritized:
            commands.append(("ZADD", self.keys("priority"), job.priority, job.id))
        return commands

    def _fields(self, job: Job) -> dict[str, str]:
        bull = self.generation.library is Library.BULL
        modern = not bull and self.generation.highest >= 5
        made = job.attemptsMade
        if not bull and not modern:  # BullMQ 1 to 4 count a try when it begins
            made = max(made, job.attemptsStarted)
        opts = dict(job.opts) if bull else abbreviated(job.opts, self.generation)
        tries = None
        if self.generation.finished_in_sets:  # which takes a missing number for none at all
            tries = job.opts.get("attempts") or 1
        fields: dict[str, Any] = {
            "name": job.name,
            "data": job.data,
            "opts": dumps(opts),
            "timestamp": job.timestamp,
            "delay": job.delay,
            "priority": job.priority,
            "attempts": tries,
            "atm" if modern else "attemptsMade": made if tries else made or None,
            "ats": (job.attemptsStarted or None) if modern else None,
            "stc" if modern else "stalledCounter": job.stalledCounter or None,
            "progress": job.progress,
            "returnvalue": job.returnvalue,
            "failedReason": job.failedReason,
            "stacktrace": dumps(list(job.stacktrace)) if job.stacktrace else None,
            "processedOn": job.processedOn,
            "finishedOn": job.finishedOn,
            "parent": dumps(parent_field(job)) if job.parent else None,
            "parentKey": job.parentKey if job.parent else None,
            "rjk": None if bull else job.repeatJobKey,
            "deid": job.deduplicationId,
            "defa": job.deferredFailure,
            "pb": job.processedBy,
        }
        return {
            name: sound_json(value) if name in _JSON else sound_text(str(value))
            for name, value in fields.items()
            if value is not None
        }


def parent_field(job: Job) -> dict[str, Any]:
    """A child's `parent` field: id, queue and failure policies."""
    parent = dict(job.parent or {})
    for name in _POLICIES:
        if job.opts.get(name):
            parent[SHORT[name]] = True
    return parent


def dumps(value: Any) -> str:
    """JSON as `JSON.stringify` writes it: no spaces, lone surrogates escaped."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        written.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return written


def _flat(pairs: Any) -> list[str]:
    return [part for pair in pairs for part in pair]


def _sliced(verb: str, key: str, parts: Sequence[str], step: int) -> list[Command]:
    size = _AT_ONCE - _AT_ONCE % step
    return [(verb, key, *parts[start : start + size]) for start in range(0, len(parts), size)]


__all__ = ["Writer", "dumps", "parent_field"]
