"""What happens to worker processes."""

from __future__ import annotations

import asyncio
import signal

from tests.faults.catalogue import Fault, fault
from tests.faults.points import POINTS
from tests.faults.stage import Stage

__all__: list[str] = []


@fault("worker killed at random", quick=True)
async def killed(stage: Stage) -> int:
    """kill -9 of one worker after another, each replaced by a new process."""
    for _ in range(4):
        stage.random.choice(stage.workers.hands).signal(signal.SIGKILL)
        await stage.some_time(0.3, 1.2)
    return 4


async def _first_dies(stage: Stage) -> int:
    """Waits for the worker with an armed point to reach it."""
    armed = next(hand for hand in [*stage.workers.hands, *stage.workers.gone] if hand.orders.point)
    await armed.ended(40)
    return 1


for _point in POINTS:
    fault(
        f"worker killed at {_point}",
        first={"point": _point, "count": 3},
        quick=_point in ("take.answered", "finish.sent"),
    )(_first_dies)


@fault("SIGTERM in the middle of jobs", quick=True)
async def terminated(stage: Stage) -> int:
    """Each worker is asked to end while it runs jobs; it has to finish them and exit with 0."""
    for hand in list(stage.workers.hands):
        hand.signal(signal.SIGTERM)
        assert await hand.ended(15) == 0, f"{hand.orders.name} did not end well"
        await stage.some_time(0.2, 0.6)
    return len(stage.workers.hands)


@fault("SIGTERM twice")
async def terminated_twice(stage: Stage) -> int:
    """A second SIGTERM hurries the first; what was running is left to the others."""
    for hand in list(stage.workers.hands):
        hand.signal(signal.SIGTERM)
        await asyncio.sleep(0.02)
        hand.signal(signal.SIGTERM)
        assert await hand.ended(15) == 0, f"{hand.orders.name} did not end well"
    return len(stage.workers.hands)


@fault("SIGSTOP beyond the lease, then SIGCONT", quick=True)
async def stopped(stage: Stage) -> int:
    """The jobs of a stopped worker go to others; what it finishes later is refused."""
    hand = stage.workers.hands[0]
    hand.signal(signal.SIGSTOP)
    await asyncio.sleep(5)
    hand.signal(signal.SIGCONT)
    return 1


@fault("clock an hour behind", first={"clock_off": -3600.0}, quick=True)
async def behind(stage: Stage) -> int:
    """One worker's clock is wrong; only the server's counts."""
    await asyncio.sleep(4)
    return 1


@fault("clock an hour ahead", first={"clock_off": 3600.0})
async def ahead(stage: Stage) -> int:
    """As above, and the worker dies: its jobs come back after the lease, not an hour later."""
    await asyncio.sleep(2)
    stage.workers.hands[0].signal(signal.SIGKILL)
    await asyncio.sleep(2)
    return 1


def points() -> list[Fault]:
    """The faults that kill at a named point."""
    from tests.faults.catalogue import FAULTS

    return [found for found in FAULTS.values() if found.first.get("point")]
