"""Making thousands of objects at once without the garbage collector looking at each of them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collects nothing within; not to be held over an `await`.

    What a bulk makes is kept until it is stored. The collector, which runs every 700 objects and
    looks at all there are ever again, took a third of the time of a bulk of 20,000 jobs.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


__all__ = ["collector_paused"]
