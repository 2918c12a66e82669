"""Keeping the event history of a queue at about a number of events (`streams.events.maxLen`).

Messages hold several events, so the server is told how many messages to keep: as many as so many
events filled lately.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from jetbull.errors import AckTimeout, StoreError
from jetbull.ledger.wire import Wire

log = logging.getLogger("jetbull.events")

_PATIENCE = 2.0  # seconds; the next events wait for this
_OFTEN = 100  # events between two cuts, at least, unless that is above half of what is kept


@dataclass(slots=True)
class _Limit:
    most: int
    events: int = 0
    messages: int = 0


class EventLimits:
    """The queues of one prefix whose history is limited by this process."""

    def __init__(self, wire: Wire, stream: str) -> None:
        self._wire = wire
        self._stream = stream
        self._limits: dict[str, _Limit] = {}

    def set(self, subject: str, most: int) -> None:
        """Keeps about `most` events of a queue from now on."""
        limit = self._limits.setdefault(subject, _Limit(most))
        limit.most = most

    def forget(self, subject: str) -> None:
        """Nobody here writes events of that queue any more."""
        self._limits.pop(subject, None)

    async def stored(self, subject: str, events: int, messages: int) -> None:
        """So many were written; cuts the history now and then."""
        limit = self._limits.get(subject)
        if limit is None:
            return
        limit.events += events
        limit.messages += messages
        if limit.events < max(min(_OFTEN, limit.most // 2), limit.most // 10):
            return
        keep = max(1, -(-limit.most * limit.messages // limit.events))
        limit.events = limit.messages = 0
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._wire.api(
                    f"STREAM.PURGE.{self._stream}", {"filter": subject, "keep": keep}
                )
        except (TimeoutError, AckTimeout, StoreError) as error:
            log.debug("the events of %s are cut later: %s", subject, error)


__all__ = ["EventLimits"]
