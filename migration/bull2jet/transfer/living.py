"""Whether a job on the target differs from its original because it has lived on, or is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from bull2jet.canonical import given_part
from bull2jet.model import FINISHED, Job, State

#: callers may change these whenever they like
_ANY_TIME = frozenset({"progress", "logs"})
#: changes when a child finishes
_OF_A_PARENT = frozenset(
    {"state", "pending", "processed", "failed", "unsuccessful", "deferredFailure", "delay", "due"}
)
#: changes by promote, changeDelay, changePriority, and when the due time comes
_OF_A_WAITING_JOB = frozenset({"state", "due", "delay", "priority"})


def has_run(source: Job, copy: Job) -> bool:
    """Whether a worker has taken the job since it was carried, or somebody retried it."""
    if copy.attemptsStarted > source.attemptsStarted or copy.attemptsMade > source.attemptsMade:
        return True
    if copy.stalledCounter > source.stalledCounter:
        return True
    return source.state in FINISHED and copy.state not in FINISHED


def lived_on(source: Job, copy: Job, fields: Sequence[str]) -> bool:
    """Whether ordinary use of the queue explains that these fields differ.

    A job that has run may have changed in all but what it was given at `add`, and its data by
    `updateData`. One that has not run may have been moved, promoted or told about a child; that its
    data or its result is another one is a difference.
    """
    changed = set(fields)
    if changed & (given_part(source).keys() - {"data"} | {"timer"}):
        return False
    if has_run(source, copy):
        return True
    allowed = set(_ANY_TIME)
    if source.state not in FINISHED:
        allowed |= _OF_A_WAITING_JOB
    if source.family:
        allowed |= _OF_A_PARENT
    if "logs" in changed and copy.logs[: len(source.logs)] != source.logs:
        return False
    return changed <= allowed


def released(source: Job, fields: Sequence[str]) -> bool:
    """Whether a parent was let go because its children finished in Redis after it was carried.

    The old library notes such a child, but no longer finds the parent among those that wait.
    """
    family = source.family
    told = not family.pending or bool(family.failed or family.unsuccessful)
    may_change = {"state", "deferredFailure", "delay", "due"}
    return source.state is State.WAITING_CHILDREN and told and set(fields) <= may_change


__all__ = ["has_run", "lived_on", "released"]
