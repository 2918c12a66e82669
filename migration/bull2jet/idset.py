"""Very many ids in little memory.

An id is kept as an 8-byte fingerprint: 8 MB for a million jobs. Two ids with one fingerprint would
be taken for one; with a million ids the chance is about one in 10^7 (n^2 / 2^65).
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable


class IdSet:
    """A set of ids, which may be asked only after `close`."""

    def __init__(self) -> None:
        self._prints: array[int] = array("Q")

    def add(self, ids: Iterable[str]) -> None:
        """These ids are in the set as well."""
        self._prints.extend(map(fingerprint, ids))

    def close(self) -> None:
        """Sorts the fingerprints, after which the set can be asked."""
        self._prints = array("Q", sorted(self._prints))

    def doubled(self) -> set[int]:
        """Fingerprints that were added more than once; after `close`."""
        rows = self._prints
        return {rows[i] for i in range(1, len(rows)) if rows[i] == rows[i - 1]}

    def __contains__(self, job_id: str) -> bool:
        wanted = fingerprint(job_id)
        place = bisect_left(self._prints, wanted)
        return place < len(self._prints) and self._prints[place] == wanted

    def __len__(self) -> int:
        return len(self._prints)


class IdOrder:
    """Ids in an order, against which another listing can be held."""

    def __init__(self) -> None:
        self._prints: array[int] = array("Q")
        self._known = IdSet()
        self._place = 0

    def add(self, job_id: str) -> None:
        """This id comes behind those that were added before."""
        self._prints.append(fingerprint(job_id))
        self._known.add([job_id])

    def close(self) -> None:
        """The order is complete, `follows` may be asked; an id added twice counts once."""
        self._known.close()
        twice = self._known.doubled()
        if twice:
            seen: set[int] = set()
            once = array("Q")
            for number in self._prints:
                if number not in seen:
                    once.append(number)
                if number in twice:
                    seen.add(number)
            self._prints = once

    def follows(self, job_ids: Iterable[str]) -> bool:
        """Whether the known ones among the next ids of the other listing come in this order.

        Ids may be absent there, since jobs leave; a page that turns back gives False.
        """
        prints = self._prints
        for job_id in job_ids:
            if job_id not in self._known:
                continue
            wanted = fingerprint(job_id)
            while self._place < len(prints) and prints[self._place] != wanted:
                self._place += 1
            if self._place == len(prints):
                return False
        return True

    def __len__(self) -> int:
        return len(self._prints)


def fingerprint(job_id: str) -> int:
    """64 bits of the id's hash."""
    digest = hashlib.blake2b(job_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


__all__ = ["IdOrder", "IdSet", "fingerprint"]
