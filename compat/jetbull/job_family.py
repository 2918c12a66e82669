"""A job's parent and children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetbull.commands import children, removing
from jetbull.job_body import JobBody
from jetbull.job_home import Home
from jetbull.types.generics import Data, Result
from jetbull.types.results import Dependencies, DependencyCounts


class JobFamily(JobBody[Data, Result, Home]):
    """A job's relation to its children and its parent."""

    async def getChildrenValues(self) -> dict[str, Any]:
        """`{child key: value}` of the completed children."""
        return await children.values(await self.queue.ledger(), self.id)

    async def getDependencies(self, opts: Mapping[str, Any] | None = None) -> Dependencies:
        """`{processed, unprocessed, failed, ignored}`, with cursors when pages are asked for."""
        return await children.dependencies(await self.queue.ledger(), self.id, opts)

    async def getDependenciesCount(self, opts: Mapping[str, Any] | None = None) -> DependencyCounts:
        """How many children are processed, unprocessed, failed, ignored."""
        return await children.counts(await self.queue.ledger(), self.id, opts)

    async def getIgnoredChildrenFailures(self) -> dict[str, str]:
        """`{child key: reason}` of failed children that do not fail this job."""
        return await children.ignored(await self.queue.ledger(), self.id)

    getFailedChildrenValues = getIgnoredChildrenFailures

    async def removeChildDependency(self) -> bool:
        """Ends the parent's wait for this job; False if no parent waits for it."""
        cut = await children.cut(await self.queue.ledger(), self.id)
        if cut:
            self.parent, self.parentKey = None, None
        return cut

    async def removeUnprocessedChildren(self) -> None:
        """Removes the children that have not started, and theirs."""
        await removing.remove_unprocessed_children(await self.queue.ledger(), self.id)


__all__ = ["JobFamily"]
