"""What was seen last of many things, of which the oldest are forgotten."""

from __future__ import annotations

_MOST = 1000


class Recent(dict[str, str]):
    """A guess for each of the keys that were met of late: it may be wrong by now."""

    def remember(self, key: str, value: str) -> None:
        """From now on `value` is the guess for the key."""
        self.pop(key, None)  # to be the last to be forgotten
        if len(self) >= _MOST:
            self.pop(next(iter(self)))
        self[key] = value


__all__ = ["Recent"]
