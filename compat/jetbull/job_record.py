"""A job from its record in the ledger."""

from __future__ import annotations

from typing import Any

from jetbull.job_body import JobBody, policies
from jetbull.ledger.messages.record import Record
from jetbull.ledger.parents.parentage import policy_of

_CHANGING = frozenset(
    {
        "progress",
        "attemptsMade",
        "attemptsStarted",
        "stalledCounter",
        "processedOn",
        "finishedOn",
        "failedReason",
        "returnvalue",
        "stacktrace",
        "deferredFailure",
        "processedBy",
    }
)
"""What a record says of a job besides what was given, under the same names."""
_TIES = frozenset({"parentKey", "repeatJobKey", "deduplicationId"})
"""What ties a job to others."""


def fill(job: JobBody[Any, Any], job_id: str, record: Record) -> None:
    """Takes over what the record holds besides name, data and options; ValueError where that is
    of a kind no job has.
    """
    given, head = record.given, record.head
    job.id = job_id
    job.timestamp = given["timestamp"]
    if not isinstance(job.name, str) or not isinstance(job.timestamp, int | float):
        raise ValueError(f"its name is {job.name!r}, its timestamp {job.timestamp!r}")
    # When not given: of stored jobs only those of schedulers say 1, as fresh ones do.
    job.attempts = job.opts["attempts"] or int("repeatJobKey" in given)
    if head:
        for name in _CHANGING.intersection(head):
            setattr(job, name, head[name])
        if job.failedReason == "":
            job.failedReason = None
        job.stacktrace = list(job.stacktrace or ())
    job.delay = head.get("delay", 0)
    job.priority = head.get("priority", 0)
    if not _TIES.isdisjoint(given):
        _tie(job, given, head)


def _tie(job: JobBody[Any, Any], given: dict[str, Any], head: dict[str, Any]) -> None:
    if "parentKey" in given:
        job.parentKey = given["parentKey"]
        link = given.get("parent") or {}
        job.parent = {"id": link.get("id"), "queueKey": link.get("queueKey")}
        job.parent.update(policies(policy_of(given)))
        if head.get("orphaned"):
            job.parentKey, job.parent = None, None
    job.repeatJobKey = given.get("repeatJobKey")
    job.deduplication_id = given.get("deduplicationId", job.deduplication_id)


__all__ = ["fill"]
