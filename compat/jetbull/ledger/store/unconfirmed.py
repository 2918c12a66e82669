"""New jobs whose acknowledgement was lost: asked about together, not one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
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
        self._wanted: Counter[str] = Counter()  # who waits for a word of which job
        self._asking = asyncio.Lock()

    async def settle(self, job_id: str, since_ms: int, ask: Ask) -> bool:
        """Whether the job came and went; one question for all who want to know meanwhile."""
        self._since[job_id] = since_ms
        self._wanted[job_id] += 1
        try:
            async with self._asking:
                if job_id in self._since:
                    await self._ask(ask)
            return job_id in self._gone
        finally:
            self._forget(job_id)

    async def _ask(self, ask: Ask) -> None:
        asked, self._since = self._since, {}
        try:
            gone = await ask(asked.keys(), min(asked.values()))
        except BaseException:
            wanted = {i: since_ms for i, since_ms in asked.items() if i in self._wanted}
            self._since = {**wanted, **self._since}
            raise
        self._gone |= gone & self._wanted.keys()

    def _forget(self, job_id: str) -> None:
        """Who is cancelled, or has the answer, wants to know no more."""
        self._wanted[job_id] -= 1
        if not self._wanted[job_id]:
            del self._wanted[job_id]
            self._since.pop(job_id, None)
            self._gone.discard(job_id)


__all__ = ["Ask", "IsGone", "Unconfirmed"]
