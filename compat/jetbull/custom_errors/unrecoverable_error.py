"""`UnrecoverableError` under the name BullMQ gives its module."""

from __future__ import annotations

from jetbull.errors import UnrecoverableError

__all__ = ["UnrecoverableError"]
