"""Key names of one queue, and back: the only place that joins a key with colons.

A job id may hold colons (`repeat:daily:1700000000000`), so a key is never split from the right:
the queue's own root is stripped first, then a known suffix.
"""

from __future__ import annotations

from dataclasses import dataclass

from bull2jet.model import QueueRef

#: keys that belong to the queue as a whole
QUEUE_SUFFIXES = frozenset(
    {
        "id", "wait", "paused", "active", "prioritized", "priority", "pc", "delayed", "delay",
        "waiting-children", "completed", "failed", "repeat", "meta", "meta-paused", "events",
        "marker", "stalled", "stalled-check", "limiter", "metrics:completed", "metrics:failed",
        "metrics:completed:data", "metrics:failed:data", "waiting", "resumed", "drained",
        "progress", "added", "error", "cleaned", "wait:added",
        "groups", "groups:limit", "groups:max", "groups:paused",
    }
)  # fmt: skip
#: families of keys that belong to the queue as a whole
QUEUE_PREFIXES = ("de:", "dn:", "limiter:", "bull2jet:")
#: keys that belong to one job
_JOB_SUFFIXES = (":lock", ":logs", ":dependencies", ":processed", ":failed", ":unsuccessful")
#: keys of bull2jet itself
OWN = "bull2jet:"


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """Builds the key names of a queue."""

    queue: QueueRef

    def __call__(self, suffix: str) -> str:
        """The key of this suffix."""
        return f"{self.queue.key}:{suffix}"

    def job(self, job_id: str) -> str:
        """The key of a job's hash."""
        return f"{self.queue.key}:{job_id}"

    def of_job(self, job_id: str, part: str) -> str:
        """A key beside a job, such as its logs."""
        return f"{self.queue.key}:{job_id}:{part}"

    def scheduler(self, scheduler_id: str) -> str:
        """The key of a scheduler's hash."""
        return f"{self.queue.key}:repeat:{scheduler_id}"

    def own(self, name: str) -> str:
        """A key that bull2jet keeps beside the queue's."""
        return f"{self.queue.key}:{OWN}{name}"

    def matching(self, suffix: str) -> str:
        """A SCAN pattern for keys that start with this suffix, whatever the queue is called."""
        return f"{glob_escaped(self(suffix))}*"

    def rest(self, key: str) -> str:
        """What follows the queue's root in one of its keys."""
        return key[len(self.queue.key) + 1 :]


def glob_escaped(text: str) -> str:
    """The text as a SCAN pattern that matches only itself."""
    return "".join(f"\\{char}" if char in "*?[]\\^-" else char for char in text)


def owner_of(rest: str) -> tuple[str, str]:
    """(job id, part) of a key below the queue's root; part is empty for the job itself."""
    for suffix in _JOB_SUFFIXES:
        if rest.endswith(suffix) and len(rest) > len(suffix):
            return rest[: -len(suffix)], suffix[1:]
    return rest, ""


__all__ = [
    "OWN",
    "QUEUE_PREFIXES",
    "QUEUE_SUFFIXES",
    "QueueKeys",
    "glob_escaped",
    "owner_of",
]
