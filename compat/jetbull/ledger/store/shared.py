"""One question for all who ask it at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from jetbull.ledger.store.rounds import Rounds

__all__ = ["Shared"]

Answer = TypeVar("Answer")


class Shared(Generic[Answer]):
    """A question whose answer is good for everybody who asked before it was sent.

    So each caller gets an answer that knows what was stored before the call, and of twenty callers
    one asks. An error is told to the one who asked; the others ask again.
    """

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._rounds = Rounds(self._round)
        self._begun = 0
        self._answers: tuple[int, list[Answer]] = (0, [])  # of which round, and its one answer

    async def answer(self) -> Answer:
        """The answer to a question that is sent after this call."""
        before = self._begun
        while True:
            await self._rounds.join()
            number, answers = self._answers
            if number > before:
                return answers[0]

    async def _round(self) -> None:
        self._begun += 1
        number = self._begun
        self._answers = number, [await self._ask()]
