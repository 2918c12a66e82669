"""New jobs whose acknowledgement was lost: asked about together, not one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

#: Those of the ids whose jobs were stored since that moment (ms) and of which nothing is left.
Ask = Callable[[Collection[str], int], Awaitable[set[str]]]

#: Whether a job that was sent after that moment (ms) was stored, and nothing is left of it.
IsGone = Callable[[int], Awaitable[bool]]


class Unconfirmed:
    """The jobs of one queue that may have come and gone before anybody knew."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._gone: set[str] = set()
        self._asking = asyncio.Lock()

    async def settle(self, job_id: str, since_ms: int, ask: Ask) -> bool:
        """Whether the job came and went; one question for all who want to know meanwhile."""
        self._since[job_id] = since_ms
        async with self._asking:
            if job_id in self._since:
                asked, self._since = self._since, {}
                try:
                    self._gone |= await ask(asked.keys(), min(asked.values()))
                except BaseException:
                    self._since = {**asked, **self._since}
                    raise
        gone = job_id in self._gone
        self._gone.discard(job_id)
        return gone


__all__ = ["Ask", "IsGone", "Unconfirmed"]
