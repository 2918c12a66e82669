"""The processes of the demo are started again, whoever ends them."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import psutil
import pytest

from audibook_demo.errors import DemoError
from audibook_demo.processes import Program, keep_running

_PATIENCE_S = 30.0


async def _next_child(seen: set[int]) -> psutil.Process:
    """The process that was started since."""
    with anyio.fail_after(_PATIENCE_S):
        while True:
            for child in psutil.Process().children():
                if child.pid not in seen:
                    seen.add(child.pid)
                    return child
            await anyio.sleep(0.02)


async def test_a_process_that_is_killed_again_and_again_is_always_started_again(
    tmp_path: Path,
) -> None:
    program = Program("worker", ["worker", "audibook.worker:worker", "--until-eof"])
    seen = {child.pid for child in psutil.Process().children()}
    async with anyio.create_task_group() as tasks:
        await tasks.start(keep_running, program, os.environ, tmp_path)
        for _ in range(4):
            (await _next_child(seen)).kill()
        await _next_child(seen)
        tasks.cancel_scope.cancel()


async def test_a_process_that_ends_at_once_by_itself_ends_the_demo(tmp_path: Path) -> None:
    program = Program("worker", ["worker", "no.such:thing"])
    with pytest.RaisesGroup(pytest.RaisesExc(DemoError, match="worker ends at once")):
        async with anyio.create_task_group() as tasks:
            await tasks.start(keep_running, program, os.environ, tmp_path)
