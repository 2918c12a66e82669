"""BullMQ's error codes and the sentences that go with them."""

from __future__ import annotations

from enum import IntEnum

from jetbull.errors import HasFailedChildren, JobError


class ErrorCode(IntEnum):
    """Why a command on a job was refused."""

    JobNotExist = -1
    JobLockNotExist = -2
    JobNotInState = -3
    JobPendingDependencies = -4
    JobPendingChildren = -4
    ParentJobNotExist = -5
    JobLockMismatch = -6
    ParentJobCannotBeReplaced = -7
    JobBelongsToJobScheduler = -8
    JobHasFailedChildren = -9
    SchedulerJobIdCollision = -10
    SchedulerJobSlotsBusy = -11


_SENTENCES = {
    -1: "Missing key for job {id}. {command}",
    -2: "Missing lock for job {id}. {command}",
    -3: "Job {id} is not in the {state} state. {command}",
    -4: "Job {id} has pending dependencies. {command}",
    -5: "Missing key for parent job {parent}. {command}",
    -6: "Lock mismatch for job {id}. Cmd {command} from {state}",
    -7: "The parent job {parent} cannot be replaced. {command}",
    -8: "Job {id} belongs to a job scheduler and cannot be removed directly. {command}",
    -9: "Cannot complete job {id} because it has at least one failed child. {command}",
    -10: "Cannot create job scheduler iteration - job ID already exists. {command}",
    -11: (
        "Cannot create job scheduler iteration - current and next time slots already have jobs. "
        "{command}"
    ),
}


def refused(
    code: int, command: str, job_id: str = "", state: str = "", parent: str = ""
) -> JobError:
    """The error BullMQ raises for `code`."""
    sentence = _SENTENCES[code].format(id=job_id, command=command, state=state, parent=parent)
    if code == ErrorCode.JobHasFailedChildren:
        return HasFailedChildren(sentence)
    return JobError(sentence, int(code))


__all__ = ["ErrorCode", "refused"]
