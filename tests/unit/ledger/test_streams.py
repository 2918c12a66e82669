"""The streams of a prefix."""

from __future__ import annotations

from jetbull import Queue
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams.streams import configurations
from jetbull.ledger.wire import Wire
from jetbull.server import EmbeddedServer


async def test_a_stream_made_by_an_older_jetbull_gets_the_subjects_it_lacks(
    nats_server: EmbeddedServer,
) -> None:
    space = Space("old")
    config = dict(configurations(space, 1)[0])
    config["subjects"] = [f"jb.{space.token}.>"]
    config["description"] = "the owner's"
    wire = await Wire.open([nats_server.url])
    await wire.api(f"STREAM.CREATE.{space.jobs}", config)
    queue = Queue("queue", {"connection": nats_server.url, "prefix": "old"})
    await queue.addBulk([{"name": "job", "opts": {"deduplication": {"id": "d"}}}])
    found = (await wire.api(f"STREAM.INFO.{space.jobs}"))["config"]
    assert set(found["subjects"]) == set(configurations(space, 1)[0]["subjects"])
    assert found["description"] == "the owner's"
    await queue.close()
    await wire.close()


def test_no_key_of_a_queue_lies_where_the_guards_of_its_jobs_look() -> None:
    names = Space("p").queue("q")
    for kind in ("dedup", "patch", "level", "part"):
        assert not names.aux(kind, "key").startswith(names.root + ".")
