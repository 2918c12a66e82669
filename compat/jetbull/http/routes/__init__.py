"""The paths: the calls of the old service in `queue`, what an operator asks in `health`.

`state` gives them the application's queue.
"""

from __future__ import annotations

from . import health, queue

__all__ = ["health", "queue"]
