"""Starting jobs where not all may start: one asks for all slots that wait."""

from __future__ import annotations

import asyncio

import pytest

from jetbull.errors import StoreError
from jetbull.ledger.job.ticket import Ticket
from jetbull.ledger.taking.starting import Starter
from jetbull.ledger.taking.taking import Claim


async def test_a_slot_that_is_cancelled_as_a_look_fails_is_cancelled() -> None:
    async def look(count: int) -> list[Ticket]:
        asyncio.get_running_loop().call_soon(slot.cancel)  # before the slot hears of the error
        raise StoreError("the store is full")

    async def admit(tickets: list[Ticket]) -> list[Ticket]:
        raise AssertionError("nothing was found")

    def claim(ticket: Ticket) -> Claim:
        raise AssertionError("nothing was admitted")

    async def nothing(*_: object) -> None:
        """Nothing is under way."""

    starter = Starter(look, admit, claim, lambda _: None, nothing, lambda _: True, nothing)
    slot = asyncio.create_task(starter.next())
    with pytest.raises(asyncio.CancelledError):
        await slot
    await starter.close()
