"""The queues that were opened over one connection, those of which nobody has any more included.

They are kept for the next who wants them, as flows and parents do, which name queues that nobody
opens; but not all of them, or a process that goes through ever new queues would keep something of
each.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

from jetbull.ledger.store.store import QueueStore

__all__ = ["Key", "Opened"]

_MOST_UNUSED = 500  # of some kilobytes each

Key = tuple[str, str]
"""Prefix and name of a queue."""


class Opened:
    """Queues by prefix and name, and how many hold each."""

    def __init__(self) -> None:
        self._stores: dict[Key, QueueStore] = {}
        self._users: Counter[Key] = Counter()
        self._unused: dict[Key, None] = {}  # the one that was wanted last is the last

    def __len__(self) -> int:
        return len(self._stores)

    def all(self) -> list[tuple[Key, QueueStore]]:
        """Every queue there is now."""
        return list(self._stores.items())

    def find(self, key: Key) -> QueueStore | None:
        """The queue, if it is there."""
        store = self._stores.get(key)
        if store is not None and key in self._unused:
            del self._unused[key]
            self._unused[key] = None
        return store

    def add(self, key: Key, store: QueueStore) -> QueueStore:
        """The queue that is there from now on: this one, unless another was quicker."""
        there = self._stores.setdefault(key, store)
        if there is store:
            self._unused[key] = None
        return there

    def hold(self, key: Key) -> None:
        """Somebody has the queue, until `let_go`."""
        self._users[key] += 1
        self._unused.pop(key, None)

    def let_go(self, key: Key) -> None:
        """One of those who have it does not need it any more."""
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key]
            if key in self._stores:
                self._unused[key] = None

    def take_surplus(self) -> list[QueueStore]:
        """Forgets those that nobody has wanted for longest; what is to be seen to of them."""
        surplus: list[QueueStore] = []
        count = max(0, len(self._unused) - _MOST_UNUSED)
        for key in list(islice(self._unused, count)):
            if not self._stores[key].is_busy:
                del self._unused[key]
                surplus.append(self._stores.pop(key))
        return surplus

    def clear(self) -> None:
        """Forgets all of them."""
        self._stores.clear()
        self._unused.clear()
