"""Pages of large states hold what the whole list holds at those positions."""

from __future__ import annotations

import asyncio

import pytest

from jetbull import Queue
from jetbull.commands.removing import remove
from jetbull.ledger.adding.adding import NewJob, add_many
from jetbull.ledger.messages.placing import DONE, Place, delayed, waiting
from jetbull.ledger.messages.record import Record
from jetbull.ledger.queue import locating, sections
from jetbull.ledger.queue.pages import WHOLE, page
from jetbull.ledger.queue.tally import count_all
from jetbull.ledger.store.store import QueueStore

COUNT = 2 * WHOLE + 3500
PLAIN: dict[str, Place] = {"waiting": waiting(), "completed": DONE["completed"]}


@pytest.fixture
async def store(queue: Queue) -> QueueStore:
    return await queue.ledger()


async def fill(store: QueueStore, places: list[Place]) -> None:
    rows = [
        NewJob(f"j{n}", Record.new({"name": "n", "timestamp": n, "opts": {}}, b"1"), place, False)
        for n, place in enumerate(places)
    ]
    assert all(await add_many(store, rows))


async def counted(store: QueueStore, state: str, size: int) -> None:
    """Returns when the server's counters have followed."""
    async with asyncio.timeout(10):
        while (await count_all(store))[state] != size:
            await asyncio.sleep(0.01)


async def ids(store: QueueStore, state: str, start: int, end: int, ascending: bool) -> list[str]:
    return [job_id for job_id, _ in await page(store, state, start, end, ascending)]


@pytest.fixture(params=["few", "many"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are counted by the server at each step, of many single messages are read."""
    if request.param == "many":
        monkeypatch.setattr(sections, "_FEW", 10)
        monkeypatch.setattr(locating, "NEAR", 120)


def shared(others: int, blocks: bool) -> list[Place]:
    """Places of two states, in turns or one state behind the other."""
    turn = COUNT // (others + 1) if blocks else 1
    return [
        PLAIN["waiting" if n // turn % (others + 1) == 0 else "completed"] for n in range(COUNT)
    ]


@pytest.mark.usefixtures("how")
@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("others", [0, 1, 9])
async def test_pages_from_the_front_the_middle_and_the_end(
    store: QueueStore, others: int, blocks: bool
) -> None:
    places = shared(others, blocks)
    await fill(store, places)
    gone = {f"j{n}" for n in (0, *range(7, COUNT, 50), COUNT - 1)}
    for job_id in gone:
        await remove(store, job_id)
    for state, place in PLAIN.items():
        expected = [f"j{n}" for n in range(COUNT) if places[n] is place and f"j{n}" not in gone]
        size = len(expected)
        await counted(store, state, size)
        for start in (0, 5, size // 2, size - 50, -30, -size):
            for ascending in (True, False):
                ordered = expected if ascending else expected[::-1]
                first = max(0, start + size if start < 0 else start)
                got = await ids(store, state, start, start + 24 if start >= 0 else -6, ascending)
                last = first + 24 if start >= 0 else size - 6
                assert got == ordered[first : last + 1], (state, start, ascending)


async def test_many_delayed_jobs_come_in_the_order_of_their_due_times(store: QueueStore) -> None:
    count = WHOLE + 500
    due = [4_000_000_000_000 + (n * 7919) % count for n in range(count)]
    await fill(store, [delayed(at) for at in due])
    expected = [f"j{n}" for n in sorted(range(count), key=lambda n: due[n])]
    assert await ids(store, "delayed", 0, 9, True) == expected[:10]
    assert await ids(store, "delayed", 1200, 1209, True) == expected[1200:1210]
    assert await ids(store, "delayed", 0, 4, False) == expected[::-1][:5]
