"""Who waits until there is something to do: the idle slots of a worker, and its fetcher."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Resting"]


class Resting:
    """Idle slots, roused in the order they came; `wake` lets the fetcher look again."""

    def __init__(self) -> None:
        self.slots: deque[asyncio.Future[None]] = deque()
        self.wake = asyncio.Event()
        self.news = 0  # grows whenever there may be something new for a slot

    async def pause(self) -> None:
        """A slot waits here until there may be something for it."""
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.slots.append(slot)
        self.wake.set()
        try:
            await slot
        finally:
            if slot in self.slots:
                self.slots.remove(slot)

    def rouse(self, count: int) -> None:
        """Lets up to `count` idle slots look again."""
        while count > 0 and self.slots:
            slot = self.slots.popleft()
            if not slot.done():
                slot.set_result(None)
                count -= 1

    def rouse_one(self) -> None:
        """Lets one idle slot look again, for there may be something new."""
        self.news += 1
        self.rouse(1)

    def rouse_all(self) -> None:
        """Lets every idle slot and the fetcher look again."""
        self.news += 1
        self.rouse(len(self.slots))
        self.wake.set()
