"""What all tests share: the fixtures that jetbull.testing gives its users."""

from __future__ import annotations

import gc

pytest_plugins = ["jetbull.testing.plugin"]


def pytest_collection_finish() -> None:
    """Everything imported and collected stays: no later search for garbage goes through it.

    Each test for leaks begins with such a search, which would take most of the test's time.
    """
    gc.collect()
    gc.freeze()
