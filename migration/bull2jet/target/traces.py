"""What the target's event log tells of jobs that are no longer there."""

from __future__ import annotations

from dataclasses import dataclass, field

from bull2jet.idset import IdSet
from jetbull.ledger.store.store import QueueStore
from jetbull.ledger.streams.events import Event, decode
from jetbull.ledger.streams.streams import EVENT_HISTORY

_PAGE = 500
#: events after which finished jobs may have been removed, as `removeOnComplete` wishes
_REMOVING = frozenset({"completed", "failed", "cleaned"})


@dataclass(slots=True)
class Traces:
    """Ids that events name; whether any event explains that finished jobs are gone."""

    ids: IdSet = field(default_factory=IdSet)
    removing: bool = False
    #: the log has been trimmed, so the absence of an event means nothing
    trimmed: bool = False

    def explain(self, job_id: str, *, finished: bool) -> bool:
        """Whether a job may be gone because of something that happened on the target."""
        return self.trimmed or (finished and self.removing) or job_id in self.ids


async def announce(store: QueueStore, paused: bool) -> int:
    """Tells listeners that the queue's workers may run, or that it stays paused.

    The sequence in the event log: as long as that message is kept, so is all that came later.
    """
    store.emit("paused" if paused else "resumed")
    await store.event_log.flush()
    newest = await store.wire.get_last(store.names.space.events, store.names.events)
    return 0 if newest is None else newest.seq


async def read_traces(store: QueueStore, since: int) -> Traces:
    """All events of the queue that are still kept, about 10,000 messages.

    `since` is what `announce` gave, 0 if it is not known.
    """
    traces = Traces()
    seq, messages, first = 1, 0, 0
    while True:
        query = {"next_by_subj": store.names.events, "seq": seq, "batch": _PAGE}
        found = await store.wire.get_batch(store.names.space.events, query)
        for message in found:
            first = first or message.seq
            for event in _events(message.data):
                traces.removing = traces.removing or event.get("event") in _REMOVING
                if "jobId" in event:
                    traces.ids.add([str(event["jobId"])])
        messages += len(found)
        if not found or not found[-1].pending:
            cut = since > 0 and not 0 < first <= since
            traces.trimmed = cut or messages >= EVENT_HISTORY
            traces.ids.close()
            return traces
        seq = found[-1].seq + 1


def _events(payload: bytes) -> list[Event]:
    """The events of a message; one that cannot be read explains nothing."""
    try:
        return [event for event in decode(payload) if isinstance(event, dict)]
    except (TypeError, ValueError):
        return []


__all__ = ["Traces", "announce", "read_traces"]
