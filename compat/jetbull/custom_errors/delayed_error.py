"""`DelayedError` under the name BullMQ gives its module."""

from __future__ import annotations

from jetbull.errors import DelayedError

__all__ = ["DelayedError"]
