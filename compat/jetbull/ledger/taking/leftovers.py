"""Tickets that were claimed without a consumer's help: there is nothing to acknowledge.

They are deleted some milliseconds later, several at once (see `Wire.ack` for why). Should that be
lost, a consumer hands the ticket out, and whoever gets it drops it.
"""

from __future__ import annotations

import asyncio
import json

from jetbull.ledger.store.store import QueueStore

__all__ = ["Leftovers"]

_DELAY = 0.01  # seconds
_MOST = 100  # deleted without waiting for others


class Leftovers:
    """The tickets one worker has to delete."""

    def __init__(self, store: QueueStore) -> None:
        self._wire = store.wire
        self._subject = f"$JS.API.STREAM.MSG.DELETE.{store.names.space.jobs}"
        self._seqs: list[int] = []

    def add(self, seq: int) -> None:
        """Deletes the message soon."""
        self._seqs.append(seq)
        if len(self._seqs) == 1:
            asyncio.get_running_loop().call_later(_DELAY, self.flush)
        elif len(self._seqs) >= _MOST:
            self.flush()

    def forget(self) -> None:
        """A server that was killed may give sequences out again: nothing is deleted by them."""
        self._seqs.clear()

    def flush(self) -> None:
        """Deletes what was added."""
        seqs, self._seqs = self._seqs, []
        if self._wire.is_connected:
            for seq in seqs:
                body = json.dumps({"seq": seq, "no_erase": True}).encode()
                self._wire.send_now(self._subject, body)
