"""Single questions about the messages of one section: all on one pattern of subjects."""

from __future__ import annotations

from collections.abc import Sequence

from jetbull.ledger.store.singles import by_sequence
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.wire import StoredMessage

MAX_BYTES = 4 * 1024 * 1024  # of one answer

Found = list[StoredMessage]


class Looks:
    """What the server can be asked about the messages on `subject`, a pattern."""

    def __init__(self, store: QueueStore, subject: str) -> None:
        self._wire = store.wire
        self._stream = store.names.space.jobs
        self._subject = subject
        self._start = subject.partition("*")[0]

    def is_own(self, message: StoredMessage) -> bool:
        """Whether a message of the stream is one of the section."""
        return message.subject.startswith(self._start)

    async def newest(self) -> StoredMessage | None:
        """The last message of all."""
        return await self._wire.get_one(self._stream, {"last_by_subj": self._subject})

    async def next(self, seq: int) -> StoredMessage | None:
        """The first message from a sequence on."""
        query = {"next_by_subj": self._subject, "seq": seq}
        return await self._wire.get_one(self._stream, query)

    async def counted(self, seq: int, count: int) -> Found:
        """Up to `count` from a sequence on, of which each tells how many there are behind it."""
        query = {
            "next_by_subj": self._subject,
            "seq": seq,
            "batch": count,
            "max_bytes": MAX_BYTES,
        }
        return await self._wire.get_batch(self._stream, query)

    async def on(self, subjects: Sequence[str]) -> Found:
        """The last message on each of these subjects."""
        return await self._wire.get_batch(self._stream, {"multi_last": subjects})

    async def at(self, seqs: Sequence[int]) -> list[StoredMessage | None]:
        """What stands at these sequences, in their order, whosever it is."""
        return await by_sequence(self._wire, self._stream, seqs)

    async def between(self, seq: int, end: int) -> Found:
        """Those between two sequences, each asked for by itself."""
        return [m for m in await self.at(range(seq, end + 1)) if m is not None and self.is_own(m)]


__all__ = ["MAX_BYTES", "Found", "Looks"]
