"""Finding messages of a section in the stream: the first, the last, and those at some position.

The more messages a question makes the server count, the longer it takes. So the sequence of a
position is guessed, and what is near either end is looked for message by message.
"""

from __future__ import annotations

from collections.abc import Sequence

from jetbull.ledger.queue.looks import Looks

#: So many positions before the one wanted are read over rather than located.
NEAR = 500
_EARLY = 20  # positions a guess lies before the one wanted
_LOOKS = 4  # rounds of looking here and there for the last one
_WAYS = 16  # looks of a round
_STEPS = 4  # guesses by the share of what lies between, before they halve it


class Locator:
    """Where the messages of one section lie."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks

    async def first(self, low: int) -> int:
        """The sequence of the first one, in a stream that begins at `low`."""
        # From behind its beginning the server goes through the stream; at it, through all subjects.
        (edge,) = await self._looks.at([low])
        if edge is not None and self._looks.is_own(edge):
            return low
        found = await self._looks.next(low + 1)
        return low if found is None else found.seq

    async def last(self, low: int, high: int) -> int:
        """The sequence of the last one, between these two."""
        # From one near it the server looks at what follows only, not through all subjects.
        last = await self.near_last(low, high)
        for _ in range(_LOOKS):
            found = await self._looks.next(last + 1)
            if found is None:
                return last
            last = found.seq
        found = await self._looks.newest()
        return last if found is None else found.seq

    async def near_last(self, low: int, high: int) -> int:
        """The sequence of one near the last, by looking here and there: good for a guess."""
        steps = range((high - low).bit_length())
        seqs: Sequence[int] = [high, *(high - (1 << n) for n in steps if high - (1 << n) >= low)]
        newest = high
        for _ in range(_LOOKS):
            looks = await self._looks.at(seqs)
            newest = max(
                (m.seq for m in looks if m is not None and self._looks.is_own(m)), default=high
            )
            beyond = min((seq for seq in seqs if seq > newest), default=newest)
            if beyond - newest < _WAYS:
                break
            seqs = range(newest, beyond, (beyond - newest) // _WAYS)
        return newest

    async def locate(
        self, position: int, size: int, begin: int, high_seq: int, end: int
    ) -> tuple[int, int]:
        """A sequence and the position it has, at or not far before the one wanted.

        `end` is where the last one is believed to be: it is only guessed by.
        """
        low_seq = begin
        low, high = 0, size - 1
        early, steps = _EARLY, 0
        while position - low > NEAR and low_seq < high_seq:
            if end <= low_seq or steps >= _STEPS:
                end = high_seq
            # Early: what is found a little before the position need not be asked again.
            share = (position - early - low) / max(1, high - low) if steps < _STEPS else 0.5
            guess = min(high_seq, low_seq + max(1, int((end - low_seq) * share)))
            early, steps = NEAR // 2, steps + 1
            found = await self._looks.counted(guess, 1)
            if not found:
                end = high_seq = guess - 1
                continue
            here = size - found[0].pending - 1
            if here <= position:
                low_seq, low = found[0].seq, here
            else:
                end, high_seq, high = guess - 1, guess - 1, here - 1
        return low_seq, low


__all__ = ["NEAR", "Locator"]
