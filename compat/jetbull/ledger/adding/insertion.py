"""A job on its way into the stream, and what has to be stored in the same step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jetbull.ledger.adding.adding import NewJob, message_for
from jetbull.ledger.messages.placing import Place
from jetbull.ledger.messages.record import Record, dumps, to_bytes
from jetbull.ledger.parents.bookkeeping import expectation
from jetbull.ledger.parents.parentage import Parent, parent_of
from jetbull.ledger.store.batch import Message, unbatched
from jetbull.ledger.store.store import QueueStore

_quote = json.encoder.encode_basestring
_STORED = 4  # fields of a place: no new job goes before its equals


@dataclass(slots=True, eq=False)
class Entry:
    """One add. `stored` is False for a job that another one stands for.

    `along` is stored before it; with it only its `parent` begins to wait for it. `told` is what
    listeners are to hear, called with a sequence once everything is stored.
    """

    store: QueueStore
    job: NewJob
    stored: bool = True
    along: list[Message] = field(default_factory=list)
    parent: Parent | None = None
    told: list[Callable[[int], None]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many messages it takes."""
        own = 0 if not self.stored else 1 if self.parent is None else 2
        return len(self.along) + own

    def messages(self) -> list[Message]:
        """All of them, the job's own last."""
        own = [message_for(self.store, self.job)] if self.stored else []
        return [*self.beside, *own]

    @property
    def beside(self) -> list[Message]:
        """What is stored with the job: the wait of its parent, and changed keys."""
        awaited_by = self.awaited_by
        return self.along if awaited_by is None else [*self.along, expectation(awaited_by)]

    @property
    def awaited_by(self) -> Parent | None:
        """The parent that begins to wait for the job in the same step."""
        return self.parent if self.stored else None

    def encode(self) -> bytes:
        """A line of JSON and the record, for whoever finishes what another process began."""
        job, record = self.job, self.job.record.encode()
        if self.stored and not self.along and not job.tombstone:
            return _plain(dumps(self.store.names.name), job, record, self.parent is not None)
        line = {
            "queue": self.store.names.name,
            "id": job.job_id,
            "place": job.place[:_STORED],
            "generated": job.generated,
            "stored": self.stored,
            "along": [
                [m.subject, m.payload.decode("utf-8", "surrogatepass"), unbatched(m.headers)]
                for m in self.along
            ],
            "awaited": self.awaited_by is not None,
            "record": len(record),
        }
        if job.tombstone:
            line["behind"] = job.tombstone
        return b"%b\n%b" % (to_bytes(dumps(line)), record)


def encode_plain(
    store: QueueStore, jobs: Sequence[NewJob], records: Sequence[bytes]
) -> Iterator[bytes]:
    """What `Entry.encode` makes of jobs with which nothing else is stored, in a third of the time;
    `records` are theirs, encoded.
    """
    queue = dumps(store.names.name)
    for job, record in zip(jobs, records, strict=True):
        yield Entry(store, job).encode() if job.tombstone else _plain(queue, job, record, False)


def _plain(queue: str, job: NewJob, record: bytes, is_awaited: bool) -> bytes:
    rest = _rest(job.place, job.generated, is_awaited)
    line = to_bytes(f'{{"queue":{queue},"id":{_quote(job.job_id)}{rest}{len(record)}}}')
    return b"%b\n%b" % (line, record)


@lru_cache(maxsize=256)
def _rest(place: Place, is_generated: bool, is_awaited: bool) -> str:
    line = {"place": place[:_STORED], "generated": is_generated, "stored": True, "along": []}
    return f',{dumps({**line, "awaited": is_awaited})[1:-1]},"record":'


def by_queue(entries: Iterable[Entry]) -> list[tuple[QueueStore, list[Entry]]]:
    """The entries of each queue, in their order."""
    queues: dict[str, tuple[QueueStore, list[Entry]]] = {}
    for entry in entries:
        queues.setdefault(entry.store.names.qualified, (entry.store, []))[1].append(entry)
    return list(queues.values())


async def decode(store: QueueStore, payload: bytes) -> list[Entry]:
    """What several `encode` wrote, one behind the other; `store` is any queue of the prefix."""
    entries = []
    for line, record in _lines(payload):
        owner = await store.sibling(store.names.space.prefix, line["queue"])
        place = Place(*line["place"])
        job = NewJob(line["id"], Record.decode(record), place, line["generated"])
        job.tombstone = line.get("behind", 0)
        along = [
            Message(subject, text.encode("utf-8", "surrogatepass"), headers)
            for subject, text, headers in line["along"]
        ]
        # Without the field it is of an older version, which has the wait in `along`.
        is_awaited = line.get("awaited", False)
        parent = await parent_of(owner, job.record, job.job_id) if is_awaited else None
        entries.append(Entry(owner, job, line["stored"], along, parent))
    return entries


def _lines(payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    at = 0
    while at < len(payload):
        end = payload.index(b"\n", at)
        line = json.loads(payload[at:end])
        at = end + 1 + line["record"]
        yield line, payload[end + 1 : at]


__all__ = ["Entry", "by_queue", "decode", "encode_plain"]
