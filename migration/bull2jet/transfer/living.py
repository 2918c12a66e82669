"""Whether a job on the target differs from its original because it has lived on, or is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bull2jet.canonical import as_json, given_part
from bull2jet.model import FINISHED, Family, Job, State

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
    if source.state in FINISHED and copy.state not in FINISHED:
        return True
    if copy.processedOn == source.processedOn:  # each worker that takes it notes the time
        return False
    if copy.attemptsStarted > source.attemptsStarted or copy.attemptsMade > source.attemptsMade:
        return True
    return copy.stalledCounter > source.stalledCounter


def lived_on(
    source: Job, copy: Job, fields: Sequence[str], ran_again: Callable[[str], bool]
) -> bool:
    """Whether ordinary use of the queue explains that these fields differ.

    A job that has run may have changed in all but what it was given at `add`, and its data by
    `updateData`. One that has not run may have been moved, promoted or told about a child; that its
    data or its result is another one is a difference.
    """
    changed = set(fields)
    if changed & (given_part(source).keys() - {"data"} | {"timer"}):
        return False
    if _is_told_otherwise(source.family, copy.family, ran_again):
        return False
    if has_run(source, copy):
        return True
    if "delay" in changed and "due" not in changed and copy.state is source.state is State.DELAYED:
        return False  # who changes the delay changes the time
    allowed = set(_ANY_TIME)
    if source.state not in FINISHED:
        allowed |= _OF_A_WAITING_JOB
    if source.family:
        allowed |= _OF_A_PARENT
    if "logs" in changed and copy.logs[: len(source.logs)] != source.logs:
        return False
    return changed <= allowed


def _is_told_otherwise(before: Family, after: Family, ran_again: Callable[[str], bool]) -> bool:
    """Whether a parent has forgotten a child that it was told about, or what it was told.

    When a child is to run again, its parent waits for it again.
    """
    known = {*after.pending, *after.processed, *after.failed, *after.unsuccessful}
    told = {**before.processed, **before.failed, **before.unsuccessful}
    if not known.issuperset(told):
        return True
    pairs = [(child, why, after.failed.get(child, why)) for child, why in before.failed.items()]
    for child, text in before.processed.items():
        pairs.append((child, as_json(text), as_json(after.processed.get(child, text))))
    other = [child for child, was, now in pairs if was != now]
    return not all(ran_again(child) for child in other)


def released(source: Job, fields: Sequence[str]) -> bool:
    """Whether a parent was let go because its children finished in Redis after it was carried.

    The old library notes such a child, but no longer finds the parent among those that wait.
    """
    family = source.family
    told = not family.pending or bool(family.failed or family.unsuccessful)
    may_change = {"state", "deferredFailure", "delay", "due"}
    return source.state is State.WAITING_CHILDREN and told and set(fields) <= may_change


__all__ = ["has_run", "lived_on", "released"]
