"""Following the jobs of a flow to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from jetbull import Job, Queue, QueueEvents

from .boards import Board, Row
from .errors import DemoError

__all__ = ["Follower", "count_rows", "follow"]

_AT_ONCE = 50
_LOOK_AGAIN_S = 3.0
_QUIET_S = 60.0


class Follower:
    """What is known of the jobs of each stage."""

    def __init__(self, board: Board, stages: Mapping[str, Sequence[str]]) -> None:
        self._board = board
        self._stages = stages
        self._stage_of = {i: stage for stage, ids in stages.items() for i in ids}
        self._done: dict[str, set[str]] = {stage: set() for stage in stages}
        self._failures: dict[str, str] = {}
        self.moved_at = anyio.current_time()
        self.changed = anyio.Event()

    @property
    def first_failure(self) -> tuple[str, str]:
        """The failed job of the earliest stage, which the later ones failed of, and its reason."""
        job_id = next(i for i in self._stage_of if i in self._failures)
        return job_id, self._failures[job_id]

    def on_completed(self, args: Mapping[str, Any], event_id: str) -> None:
        """Hears of a job that is done."""
        self.completed(str(args["jobId"]))

    def on_failed(self, args: Mapping[str, Any], event_id: str) -> None:
        """Hears of a job that has failed."""
        self.failed(str(args["jobId"]), str(args.get("failedReason")))

    def completed(self, job_id: str) -> None:
        """A job is done."""
        stage = self._stage_of.get(job_id)
        if stage is not None:
            self._done[stage].add(job_id)
            self.moved_at = anyio.current_time()
            self.show()

    def failed(self, job_id: str, reason: str) -> None:
        """A job has failed for good."""
        if job_id in self._stage_of:
            self._failures.setdefault(job_id, reason)
            self.show()

    def show(self) -> None:
        """Tell the board."""
        for stage, ids in self._stages.items():
            self._board.show(stage, len(self._done[stage]), len(ids))
        self.changed.set()

    async def look(self, queue: Queue) -> None:
        """Learn what happened before anybody listened, or while nobody could."""
        unknown = [i for i, s in self._stage_of.items() if i not in self._done[s]]
        for start in range(0, len(unknown), _AT_ONCE):
            ids = unknown[start : start + _AT_ONCE]
            for job_id, state in zip(ids, await _states(queue, ids), strict=True):
                if state == "completed":
                    self.completed(job_id)
                elif state == "failed":
                    job = await queue.getJob(job_id)
                    self.failed(job_id, str(job and job.failedReason))
        self.show()


async def follow(
    queue: Queue,
    events: QueueEvents,
    stages: Mapping[str, Sequence[str]],
    board: Board,
    logs: Path,
    quiet: float = _QUIET_S,
) -> None:
    """Show the jobs of each stage until the last stage's are completed.

    `events` must be ready. Says once where the logs are when nothing was done for `quiet` seconds.
    Raises DemoError with the first failure when one of the last stage failed.
    """
    follower = Follower(board, stages)
    told = False
    last = list(stages.values())[-1]
    listeners = {"completed": follower.on_completed, "failed": follower.on_failed}
    for event, listener in listeners.items():
        events.on(event, listener)
    try:
        await follower.look(queue)
        while not (ended := await _ended(queue, last)):
            with anyio.move_on_after(_LOOK_AGAIN_S):
                await follower.changed.wait()
            follower.changed = anyio.Event()
            if not told and anyio.current_time() - follower.moved_at > quiet:
                told = True
                board.say(f"Nothing was done for {quiet:.0f} s; the logs in {logs} may tell why.")
        await follower.look(queue)
    finally:
        for event, listener in listeners.items():
            events.off(event, listener)
    if "failed" in ended:
        job_id, reason = follower.first_failure
        raise DemoError(
            f"The job {job_id} failed: {reason}; the logs in {logs} tell more, and the same "
            "command goes on from here."
        )


async def count_rows(queue: Queue, stages: Mapping[str, Sequence[str]]) -> list[Row]:
    """What became of the jobs of each stage."""
    rows = []
    for name, ids in stages.items():
        jobs: list[Job | None] = []
        for start in range(0, len(ids), _AT_ONCE):
            jobs += await asyncio.gather(*map(queue.getJob, ids[start : start + _AT_ONCE]))
        found = [job for job in jobs if job is not None]
        failed = sum(job.failedReason is not None and job.returnvalue is None for job in found)
        done = sum(job.returnvalue is not None for job in found)
        again = sum(job.attemptsStarted > 1 for job in found)
        rows.append(Row(name, len(found), done, failed, again))
    return rows


async def _states(queue: Queue, ids: Sequence[str]) -> list[str]:
    return await asyncio.gather(*map(queue.getJobState, ids))


async def _ended(queue: Queue, ids: Sequence[str]) -> set[str]:
    """The states of the jobs once all have ended; empty before."""
    states = set(await _states(queue, ids))
    return states if states <= {"completed", "failed"} else set()
