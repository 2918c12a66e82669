"""A note: the message that holds an insertion as a whole, and what it is called (`notes`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from jetbull.ledger.adding.deduplication import is_key
from jetbull.ledger.adding.insertion import Entry
from jetbull.ledger.adding.schedules import is_record
from jetbull.ledger.messages.clock import now_ms, parse_ms
from jetbull.ledger.messages.guard import expected
from jetbull.ledger.messages.names import CHILDREN
from jetbull.ledger.store.batch import Message
from jetbull.ledger.store.store import QueueStore

KIND = "note"
_FRESH_MS = 2_000
_LEFT_MS = 5_000  # what was sent before the other time was over has arrived by then


@dataclass(frozen=True, slots=True)
class Note:
    """A note in the stream, and the entries it holds; `time` is when it was stored, if known.

    A note that this process wrote has `sent_ms`, the time at which it was sent. Its `seq` is 0 if
    another process finished it before the server's answer arrived here.
    """

    store: QueueStore
    subject: str
    seq: int
    entries: Sequence[Entry]
    time: str = ""
    sent_ms: int = 0

    @property
    def is_fresh(self) -> bool:
        """Whether nobody else sees to the note yet: its jobs may be sent as they are.

        Later another process may have stored them, and they may have run. A job that is not kept
        has left nothing by then that would refuse to store it a second time.
        """
        return self.seq > 0 and now_ms() - self.sent_ms < _FRESH_MS

    @property
    def is_left(self) -> bool:
        """Of one that was read: whether its own process sends no job as it is any more."""
        return now_ms() - parse_ms(self.time) >= _LEFT_MS

    @property
    def jobs(self) -> list[Entry]:
        """Those to store, in their order."""
        return in_order(self.entries)

    @property
    def key(self) -> Message | None:
        """What has to be there, as it was noted, for the one job to be stored."""
        return next((m for e in self.entries for m in e.along if leads(m, e.store)), None)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Parents before those that can run: nobody finishes a child whose parent is not there."""
    stored = (e for e in entries if e.stored)
    return sorted(stored, key=lambda e: e.job.place.state != CHILDREN)


def leads(message: Message, store: QueueStore) -> bool:
    """Whether the message is the key of a deduplication id, or the record of a scheduler."""
    return is_key(message, store) or is_record(message, store)


def new_key() -> str:
    """What a note can be called."""
    return uuid4().hex


def subject_of(store: QueueStore, key: str = "") -> str:
    """Where a note stands, of that name or a new one."""
    return store.names.aux(KIND, key or new_key())


def guarded(subject: str, text: bytes, seq: int = 0) -> Message:
    """A message that is refused unless the last one of that subject is `seq`; 0 for none."""
    return Message(subject, text, expected(subject, seq))


__all__ = ["KIND", "Note", "guarded", "in_order", "leads", "new_key", "subject_of"]
