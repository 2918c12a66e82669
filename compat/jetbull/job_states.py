"""The state of a job."""

from __future__ import annotations

from jetbull.job_body import JobBody
from jetbull.job_home import Home
from jetbull.ledger.job import reading
from jetbull.types.generics import Data, Result


class JobStates(JobBody[Data, Result, Home]):
    """The part of `Job` that asks for its state."""

    async def getState(self) -> str:
        """`waiting`, `active`, … or `unknown`."""
        return await reading.state(await self.queue.ledger(), self.id)

    async def isCompleted(self) -> bool:
        """Whether the job is completed; asks the server, as all of these do."""
        return await self.getState() == "completed"

    async def isFailed(self) -> bool:
        """Whether it has failed for good."""
        return await self.getState() == "failed"

    async def isDelayed(self) -> bool:
        """Whether it waits for its due time."""
        return await self.getState() == "delayed"

    async def isActive(self) -> bool:
        """Whether a worker holds it."""
        return await self.getState() == "active"

    async def isWaiting(self) -> bool:
        """Whether it waits; one with a priority is prioritized instead."""
        return await self.getState() == "waiting"

    async def isWaitingChildren(self) -> bool:
        """Whether it waits for its children."""
        return await self.getState() == "waiting-children"

    async def isPrioritized(self) -> bool:
        """Whether it waits and has a priority."""
        return await self.getState() == "prioritized"

    async def isInZSet(self, set: str) -> bool:
        """Whether the job is in the state BullMQ keeps under this name."""
        return await self.getState() == set

    async def isInList(self, list_name: str) -> bool:
        """Whether the job is in the state BullMQ keeps under this name: `wait`, `active`."""
        return await self.getState() == ("waiting" if list_name == "wait" else list_name)


__all__ = ["JobStates"]
