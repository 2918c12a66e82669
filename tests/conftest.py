"""What all tests share: the fixtures that jetbull.testing gives its users."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

pytest_plugins = ["jetbull.testing.plugin"]

# How long an example takes says how busy the machine is.
settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


@pytest.fixture(scope="module", autouse=True)
def _what_stays_is_no_garbage() -> None:
    """What was imported, collected and told so far stays: no later search goes through it.

    Each test for leaks begins with such a search, which would take most of the test's time.
    """
    gc.collect()
    gc.freeze()
