"""What the server and a queue's stream say of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from jetbull import Queue
from jetbull.ledger.job import reading

__all__ = [
    "JobMessage",
    "ServerFacts",
    "StreamFacts",
    "job_message",
    "server_facts",
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


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """JetStream's limits for this account and what of them is in use; -1 is no limit."""

    url: str
    storage_bytes: int
    storage_limit: int
    streams: int
    consumers: int


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


async def server_facts(queue: Queue) -> ServerFacts:
    """What JetStream offers to this account."""
    store = await queue.ledger()
    info = await store.wire.api("INFO")
    return ServerFacts(
        url=store.wire.url,
        storage_bytes=info["storage"],
        storage_limit=info["limits"]["max_storage"],
        streams=info["streams"],
        consumers=info["consumers"],
    )
