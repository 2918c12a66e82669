"""Random lives of a queue, lived on BullMQ and on jetbull: both must show the same at every step.

`STATE_MACHINE_EXAMPLES` (15) says how many lives; with more, each run takes others.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.conftest import CHOSEN
from tests.contract.bullmq.machine.administering import Administering
from tests.contract.bullmq.machine.changing import Changing
from tests.contract.bullmq.machine.processing import Processing
from tests.contract.bullmq.machine.producing import Producing

LIVES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "15"))
USUAL = 15


class Lives(Producing, Processing, Changing, Administering):
    """All steps there are."""


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.mark.skipif(len(CHOSEN) < 2, reason="needs BullMQ and a Valkey wheel beside jetbull")
@pytest.mark.timeout(max(120, LIVES * 20))
def test_random_lives_are_the_same_on_both(
    both_backends: list[Backend], loop: asyncio.AbstractEventLoop
) -> None:
    Lives.backends, Lives.loop = both_backends, loop
    usual = LIVES <= USUAL
    run_state_machine_as_test(
        Lives,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=40,
            deadline=None,
            derandomize=usual,
            database=None,
            phases=[Phase.generate],  # a life is short enough to read, and shrinking takes minutes
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
