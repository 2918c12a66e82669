"""What a queue's stream says of itself, and where it holds a job."""

from __future__ import annotations

from dataclasses import dataclass

from jetbull import Queue
from jetbull.ledger.job import reading

__all__ = [
    "JobMessage",
    "StreamFacts",
    "job_message",
    "stream_facts",
]


@dataclass(frozen=True, slots=True)
class JobMessage:
    """The message that holds a job: its subject and its sequence in the stream."""

    subject: str
    sequence: int


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The stream that holds the jobs of a prefix, with all its queues."""

    name: str
    messages: int
    bytes: int
    first_sequence: int
    last_sequence: int
    replicas: int
    storage: str


async def job_message(queue: Queue, job_id: str) -> JobMessage | None:
    """Where the job is stored now, or None when it is not there (any more)."""
    found = await reading.find(await queue.ledger(), job_id)
    return None if found is None else JobMessage(found.subject, found.seq)


async def stream_facts(queue: Queue) -> StreamFacts:
    """The stream of the queue's jobs; raises StreamMissing when it was deleted."""
    store = await queue.ledger()
    info = await store.wire.api(f"STREAM.INFO.{store.names.space.jobs}")
    state, config = info["state"], info["config"]
    return StreamFacts(
        name=config["name"],
        messages=state["messages"],
        bytes=state["bytes"],
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        replicas=config["num_replicas"],
        storage=config["storage"],
    )
