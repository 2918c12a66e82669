"""The steps that change Redis: freezing a queue, handing jobs over, giving them back.

A handed-over job leaves the collection the old workers look at and enters one of bull2jet's own
beside it (`<queue>:bull2jet:wait` and so on), same order, same score. Its hash stays where it is
until `finalize`. Each step is one script, atomic in Redis, and compares the lease first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from bull2jet.source import handover_scripts as scripts
from bull2jet.source.discovery import QueueFound
from bull2jet.source.door import Command, Door, text
from bull2jet.source.generation import Library
from bull2jet.source.keys import OWN, QueueKeys
from bull2jet.source.lease import Lease, lost
from bull2jet.source.listing import Holder

#: where the waiting jobs that were never taken over stay during the way back
ASIDE = f"{OWN}aside"
#: ids of the jobs that have come back so far
RETURNED = f"{OWN}returned"


class Handover:
    """The writing steps of one queue, under one lease."""

    def __init__(self, door: Door, found: QueueFound, lease: Lease) -> None:
        self._door = door
        self._found = found
        self._lease = lease
        self.keys = QueueKeys(found.queue)

    async def freeze(self) -> None:
        """Pauses the queue the way its library does, so that no old worker takes a job."""
        generation = self._found.generation
        moves = "1" if generation.moves_list_when_paused else "0"
        bull = "0" if generation.library is Library.BULLMQ else "1"
        while int(await self._run(scripts.FREEZE, self._pause_keys(), [moves, bull])) > 0:
            continue

    async def thaw(self) -> None:
        """Ends the pause the way the library does, and wakes its workers."""
        generation = self._found.generation
        bullmq = generation.library is Library.BULLMQ
        marker = "1" if bullmq and generation.highest >= 5 else "0"
        old_marker = "1" if bullmq and generation.highest == 4 else "0"
        while int(await self._run(scripts.THAW, self._pause_keys(), [marker, old_marker])) > 0:
            continue

    async def claim(self, holder: Holder, ids: Sequence[str]) -> list[str]:
        """Takes the jobs over; the ids that were no longer where they had been listed.

        An active job is taken over only while it has no lock.
        """
        return await self._move(holder, holder.mirror, ids)

    async def reserve(self, holder: Holder, ids: Sequence[str]) -> list[str]:
        """Takes the jobs away from old workers before they are copied (bridge)."""
        return await self._move(holder, holder.inflight, ids)

    async def settle(self, holder: Holder, ids: Sequence[str]) -> list[str]:
        """Makes reserved jobs taken-over ones, after they were copied."""
        return await self._move(holder.inflight, holder.mirror, ids)

    async def refuse(self, holder: Holder, ids: Sequence[str]) -> None:
        """Puts reserved jobs aside that the target will never hold."""
        await self._move(holder.inflight, holder.refused, ids)

    async def claim_schedulers(self, members: Sequence[str]) -> None:
        """Takes schedulers over: the old side makes no further iterations."""
        repeat, mirror = self.keys("repeat"), self.keys.own("repeat")
        if members:
            await self._run(
                scripts.MOVE, [repeat, mirror, self.keys.own("-"), self.keys.own("-")],
                ["zset", "", *members],
            )  # fmt: skip

    async def put_back(self, name: str, goal: str, kind: str) -> None:
        """Moves all that bull2jet keeps as `name` back to the library's `goal`, of that Redis type.

        In a list they stand before those that were never taken over, as they did.
        """
        names = (f"{OWN}{name}", goal, f"{OWN}priority", "priority", RETURNED)
        keys = [self.keys(key) for key in names]
        while int(await self._run(scripts.PUT_BACK, keys, [kind])) > 0:
            continue

    async def strike(self, holder: Holder, job_id: str, number: int = 0, as_in: str = "") -> int:
        """Removes an id from a list so many times, from the end of the line on; 0 for all.

        Where `as_in` names another collection, only while that holds the id, taken over or not.
        """
        names = [holder.suffix, *([as_in, f"{OWN}{as_in}"] if as_in else [])]
        return int(
            await self._run(scripts.STRIKE, [self.keys(name) for name in names], [number, job_id])
        )

    async def set_aside(self) -> None:
        """Moves the frozen line of waiting jobs aside, unless some have returned to it already."""
        await self._run(scripts.SET_ASIDE, self._line_keys(), [])

    async def line_up(self) -> None:
        """Puts them back, behind those that stand in the line now."""
        while int(await self._run(scripts.LINE_UP, self._line_keys(), [])) > 0:
            continue

    async def together(self, commands: Sequence[Command]) -> None:
        """Runs plain commands as one atomic step."""
        flat: list[Any] = []
        for command in commands:
            flat.append(len(command))
            flat += command
        if flat:
            await self._run(scripts.RUN_ALL, [], flat)

    async def unlink_unless_grown(self, keys: Sequence[str], sizes: Mapping[Command, int]) -> bool:
        """Removes the keys if each collection, by the command that counts it, still has its size.

        False when one has grown and nothing was removed.
        """
        checks = [part for command, size in sizes.items() for part in (*command, size)]
        return bool(await self._run(scripts.UNLINK_UNLESS_GROWN, [], [len(sizes), *checks, *keys]))

    async def _move(self, origin: Holder, goal: Holder, ids: Sequence[str]) -> list[str]:
        if not ids:
            return []
        root = f"{self._found.queue.key}:" if origin.suffix == "active" else ""
        if origin.is_set:  # a set has no order: those that are moved later stand behind
            root = str(time.time_ns() // 1000)
        names = (origin.suffix, goal.suffix, "priority", f"{OWN}priority")
        keys = [self.keys(name) for name in names]
        kept = await self._run(scripts.MOVE, keys, [origin.redis_type, root, *ids])
        return [text(job_id) for job_id in kept]

    def _line_keys(self) -> list[str]:
        frozen = "paused" if self._found.generation.moves_list_when_paused else "wait"
        return [self.keys(frozen), self.keys(ASIDE), self.keys(RETURNED)]

    def _pause_keys(self) -> list[str]:
        names = ("wait", "paused", "meta", "meta-paused", "marker", "prioritized", "delayed")
        return [self.keys(name) for name in names]

    async def _run(self, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return await self._door.script(
                script, [self._lease.key, *keys], [self._lease.value, *args]
            )
        except ResponseError as error:
            if "FENCED" in str(error):
                raise lost(self._lease) from error
            raise


__all__ = ["ASIDE", "RETURNED", "Handover"]
