"""The streams of a prefix."""

from __future__ import annotations

from jetbull import Queue
from jetbull.ledger.names import Space
from jetbull.ledger.streams import configurations
from jetbull.ledger.wire import Wire


async def test_a_stream_made_by_an_older_jetbull_gets_the_subjects_it_lacks(
    shared_url: str, name: str
) -> None:
    space = Space(name)
    config = dict(configurations(space, 1)[0])
    config["subjects"] = [f"jb.{space.token}.>"]
    config["description"] = "the owner's"
    wire = await Wire.open([shared_url])
    await wire.api(f"STREAM.CREATE.{space.jobs}", config)
    queue = Queue("queue", {"connection": shared_url, "prefix": name})
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
