"""A job on its way into the stream, and what has to be stored in the same step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from jetbull.ledger.adding.adding import NewJob, message_for
from jetbull.ledger.messages.placing import Place
from jetbull.ledger.messages.record import Record, dumps, to_bytes
from jetbull.ledger.store.batch import Message, unbatched
from jetbull.ledger.store.store import QueueStore

_quote = json.encoder.encode_basestring


@dataclass(slots=True, eq=False)
class Entry:
    """One add. `stored` is False for a job that another one stands for.

    `along` is stored before it, and `waits`, its parent's wait for it, with it only. `told` is what
    listeners are to hear, called with a sequence once everything is stored.
    """

    store: QueueStore
    job: NewJob
    stored: bool = True
    along: list[Message] = field(default_factory=list)
    waits: Message | None = None
    told: list[Callable[[int], None]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many messages it takes."""
        return len(self.beside) + self.stored

    def messages(self) -> list[Message]:
        """All of them, the job's own last."""
        own = [message_for(self.store, self.job)] if self.stored else []
        return [*self.beside, *own]

    @property
    def beside(self) -> list[Message]:
        """What is stored with the job: the wait of its parent, and changed keys."""
        return self.along if self.waits is None or not self.stored else [*self.along, self.waits]

    def encode(self) -> bytes:
        """A line of JSON and the record, for whoever finishes what another process began."""
        job, record = self.job, self.job.record.encode()
        line = {
            "queue": self.store.names.name,
            "id": job.job_id,
            "place": job.place,
            "generated": job.generated,
            "stored": self.stored,
            "along": [
                [m.subject, m.payload.decode("utf-8", "surrogatepass"), unbatched(m.headers)]
                for m in self.beside
            ],
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
    starts: dict[tuple[Place, bool], str] = {}
    queue = dumps(store.names.name)
    for job, record in zip(jobs, records, strict=True):
        if job.tombstone:
            yield Entry(store, job).encode()
            continue
        kind = (job.place, job.generated)
        rest = starts.get(kind)
        if rest is None:
            place, generated = dumps(job.place), dumps(job.generated)
            rest = f',"place":{place},"generated":{generated},"stored":true,"along":[],"record":'
            starts[kind] = rest
        line = f'{{"queue":{queue},"id":{_quote(job.job_id)}{rest}{len(record)}}}\n'
        yield to_bytes(line) + record


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
        entries.append(Entry(owner, job, line["stored"], along))
    return entries


def _lines(payload: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    at = 0
    while at < len(payload):
        end = payload.index(b"\n", at)
        line = json.loads(payload[at:end])
        at = end + 1 + line["record"]
        yield line, payload[end + 1 : at]


__all__ = ["Entry", "decode", "encode_plain"]
