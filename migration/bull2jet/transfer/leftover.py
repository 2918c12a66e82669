"""What Redis still owns when the way back begins: a run was broken off, or was a trial.

Such jobs were not taken over, so a copy on the target is only a copy and goes. They stood behind
those that were taken over, and line up behind them again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bull2jet.idset import IdSet
from bull2jet.model import State
from bull2jet.source.discovery import QueueFound, current_types
from bull2jet.source.door import Door
from bull2jet.source.handover import ASIDE, Handover
from bull2jet.source.keys import QueueKeys
from bull2jet.source.listing import Holder, pages, usable
from bull2jet.transfer.archive import carried_ids


@dataclass(slots=True)
class Leftover:
    """The jobs of one queue that were never taken over."""

    door: Door
    found: QueueFound
    handover: Handover
    _ids: IdSet = field(default_factory=IdSet)
    _taken: IdSet | None = None

    async def set_aside(self) -> None:
        """Moves the line of waiting jobs out of the way, once, and learns whose jobs are here."""
        await self.handover.set_aside()
        keys = QueueKeys(self.found.queue)
        types = await current_types(self.door, self.found.queue)
        ids = IdSet()
        for holder in (*usable(types), Holder(ASIDE, State.WAITING, is_list=True)):
            async for listings in pages(self.door, keys, holder):
                ids.add(listing.id for listing in listings)
        ids.close()
        self._ids = ids
        self._taken = await carried_ids(self.door, self.found) if len(ids) else None

    def owns(self, job_id: str) -> bool:
        """Whether Redis lists the job where old workers look, and bull2jet never took it over."""
        return self._taken is not None and job_id in self._ids and job_id not in self._taken

    async def line_up(self) -> None:
        """Puts the line back, behind the jobs that have returned."""
        await self.handover.line_up()


__all__ = ["Leftover"]
