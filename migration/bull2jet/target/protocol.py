"""What bull2jet needs of the side it carries to.

Everything here may be repeated after a crash and then changes nothing: jobs are stored create-only
by id, all else replaces what stands under the same name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from bull2jet.model import Deduplication, Job, QueueRef, Scheduler, Settings, State
from bull2jet.target.traces import Traces


class TargetQueue(Protocol):
    """One queue on the target."""

    def now(self) -> int:
        """The time (ms) by the clock that lets delayed jobs go, whatever this machine's says."""

    def refusal(self, job: Job) -> str | None:
        """Why the job cannot be stored here, or None."""

    def refused_rule(self, rule: Scheduler | Deduplication) -> str | None:
        """Why a scheduler, or a remembered add, cannot be stored here, or None."""

    async def add(self, jobs: Sequence[Job]) -> list[bool]:
        """Stores the jobs with logs and family ties, in running order.

        True for each that was stored, False where an id exists in any state.
        """

    async def replace(self, jobs: Sequence[Job]) -> list[bool]:
        """Stores the jobs in place of copies that a broken-off run left behind."""

    async def read(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Those of the jobs that exist, complete."""

    async def carried_by_us(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that bull2jet stored, as opposed to producers on the target."""

    def listing(self, state: State) -> AsyncIterator[list[str]]:
        """Ids in the order the target would take or list them, page by page."""

    async def announce(self, paused: bool) -> int:
        """Tells listeners that the queue may run, or stays paused; where its event log says so."""

    async def traces(self, since: int) -> Traces:
        """What the event log tells of jobs that may be gone."""

    async def counts(self) -> dict[State, int]:
        """Jobs per state."""

    async def remove(self, job_ids: Sequence[str]) -> None:
        """Removes jobs with all that belongs to them."""

    async def tell_parents(self, jobs: Sequence[Job]) -> None:
        """Lets parents on the target know of these finished children, if they still wait."""

    async def position(self) -> int:
        """Where the target's record of this queue ends now."""

    async def log_position(self) -> int:
        """Where its record of log rows ends now."""

    async def clear(self, position: int) -> None:
        """Removes all jobs stored up to `position`."""

    async def clear_rest(self) -> None:
        """Removes what belonged to jobs: logs, children, schedulers; only when no job is left."""

    async def set_paused(self, paused: bool) -> None:
        """Stops or lets go the target's workers."""

    async def settings(self) -> Settings:
        """What is set for the queue."""

    async def put_settings(self, settings: Settings) -> None:
        """Takes over limits, and the id counter if it is ahead; not the paused flag."""

    async def put_scheduler(self, scheduler: Scheduler) -> None:
        """Stores a scheduler's record; its pending job is carried like any job."""

    async def remove_scheduler(self, scheduler_id: str) -> None:
        """Removes a scheduler's record, but not its pending job."""

    async def schedulers(self) -> list[Scheduler]:
        """All schedulers."""

    async def put_deduplications(
        self, entries: Sequence[Deduplication], *, late: bool = False
    ) -> None:
        """Stores who owns which deduplication id, with the time it has left.

        `late`: its workers run, so an id that is held there already stays as it is.
        """

    async def deduplications(self) -> list[Deduplication]:
        """All deduplication ids held."""

    async def checkpoint(self) -> Mapping[str, Any] | None:
        """The last checkpoint of this queue's migration."""

    async def save_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Replaces the checkpoint; returns when it is stored for good."""

    async def keep_room(self) -> None:
        """Sets aside what a way back must store, should the target be full by then."""

    async def free_room(self) -> None:
        """Gives up what `keep_room` has set aside."""


class Target(Protocol):
    """The server jobs are carried to."""

    #: the largest message in bytes
    limit: int

    async def queue(self, queue: QueueRef) -> TargetQueue:
        """Opens a queue, making what it needs."""

    async def checkpoints(self) -> Mapping[QueueRef, Mapping[str, Any]]:
        """The last checkpoint of every queue that was ever migrated here."""

    async def room(self) -> int | None:
        """Bytes that may still be stored, None where the server does not say."""

    async def close(self) -> None:
        """Closes the connection."""


__all__ = ["Target", "TargetQueue"]
