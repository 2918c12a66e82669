"""How far a queue's migration has come; kept on the target, so that any machine can go on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from bull2jet.errors import NotGoError
from bull2jet.model import QueueRef
from bull2jet.source.discovery import QueueFound
from bull2jet.source.generation import Generation
from bull2jet.target.protocol import Target, TargetQueue


class Phase(StrEnum):
    """The steps of a migration, in order."""

    #: nothing has been changed yet
    NEW = "new"
    #: old workers are being stopped, jobs carried; the target's workers are held back
    COPYING = "copying"
    #: everything has been carried and compared; the target's workers may run
    LIVE = "live"
    #: jobs are on their way back
    RETURNING = "returning"
    #: everything is back in Redis
    RETURNED = "returned"
    #: the Redis keys are gone
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a later command needs to know."""

    phase: Phase = Phase.NEW
    #: the queue was paused before the migration began
    was_paused: bool = False
    #: the target's queue was paused before the migration began
    target_was_paused: bool = False
    #: what was chosen and must not change until the end
    timezone: str | None = None
    #: how many of the newest finished jobs per state were wanted, None for all
    history: int | None = None
    source: str = ""
    #: stands in that Redis too, as long as the migration lasts
    mark: str = ""
    #: the library and versions that fitted the queue before it was changed
    library: Generation | None = None
    began: int = 0
    updated: int = 0
    #: older repeatable jobs: member of `repeat` -> id of the scheduler it became
    schedulers: Mapping[str, str] = field(default_factory=dict)
    #: jobs carried so far by state
    carried: Mapping[str, int] = field(default_factory=dict)
    #: where the id counter stood when the rules were compared; old producers may count on
    counter: int | None = None
    #: when and with which digests both sides were found equal
    verified: Mapping[str, Any] | None = None
    #: the target's workers were let go after that
    released: bool = False
    #: where the target's records of jobs and of log rows ended then, 0 if that is not known
    stored_until: int = 0
    logged_until: int = 0
    #: where the target's event log told of that, 0 if it did not
    events_from: int = 0
    #: jobs have been carried that came after the end; their keys are in Redis yet
    late: bool = False
    #: seconds without workers, measured
    pause: float | None = None

    def recognised(self, found: QueueFound) -> QueueFound:
        """The queue with the library it was found to have before the migration began.

        Once the jobs are taken over, less of what tells the versions apart is left.
        """
        return found if self.library is None else replace(found, generation=self.library)

    @property
    def began_paused(self) -> bool | None:
        """Whether the queue was paused by its users, None when nothing has been changed."""
        under_way = self.phase in (Phase.COPYING, Phase.LIVE, Phase.RETURNING)
        return self.was_paused if under_way else None

    @property
    def compared(self) -> Mapping[str, int]:
        """How many jobs of each state were carried and found equal, when that is over."""
        return self.carried if self.phase is Phase.LIVE else {}

    @property
    def oldest_finished(self) -> int:
        """Jobs that finished in Redis before this moment (ms) are not carried later on either."""
        return 0 if self.history is None else self.began


#: reads a checkpoint
FORM = TypeAdapter(Checkpoint)  # fields that another version of bull2jet knows are ignored


async def load(queue: TargetQueue) -> Checkpoint:
    """The checkpoint, or a fresh one."""
    stored = await queue.checkpoint()
    if stored is None:
        return Checkpoint()
    return FORM.validate_python(stored)


async def load_all(target: Target) -> dict[QueueRef, Checkpoint]:
    """The checkpoints of all queues, also of those that Redis holds no more."""
    stored = await target.checkpoints()
    return {queue: FORM.validate_python(stored[queue]) for queue in sorted(stored)}


async def save(queue: TargetQueue, checkpoint: Checkpoint, **changes: Any) -> Checkpoint:
    """Stores the checkpoint with some fields replaced."""
    now = int(time.time() * 1000)
    times = {"updated": now, "began": checkpoint.began or now}
    updated = replace(checkpoint, **{**times, **changes})
    await queue.save_checkpoint(asdict(updated))
    return updated


def require(checkpoint: Checkpoint, queue: str, allowed: set[Phase], command: str) -> None:
    """`NotGoError` when a command does not fit the phase."""
    if checkpoint.phase in allowed:
        return
    remedy = {
        Phase.NEW: "it has not been migrated; use `bull2jet run` first",
        Phase.COPYING: "its migration is under way; finish it with `bull2jet run`",
        Phase.LIVE: "it has been migrated already",
        Phase.RETURNING: "it is on its way back; finish that with `bull2jet rollback`",
        Phase.RETURNED: "it was rolled back; `bull2jet run` migrates it again",
        Phase.FINAL: "its migration is finalized; what old programs have added to Redis since, "
        "`bull2jet run` carries",
    }[checkpoint.phase]
    raise NotGoError(f"`bull2jet {command}` does not fit the queue {queue}: {remedy}.")


__all__ = ["FORM", "Checkpoint", "Phase", "load", "load_all", "require", "save"]
