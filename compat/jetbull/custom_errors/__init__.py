"""The errors a processor raises to steer its job (BullMQ: bullmq.custom_errors).

delayed_error, unrecoverable_error, waiting_children_error    under BullMQ's names, one in each
"""

from __future__ import annotations

from jetbull.custom_errors.delayed_error import DelayedError
from jetbull.custom_errors.unrecoverable_error import UnrecoverableError
from jetbull.custom_errors.waiting_children_error import WaitingChildrenError
from jetbull.errors import RateLimitError, WaitingError

__all__ = [
    "DelayedError",
    "RateLimitError",
    "UnrecoverableError",
    "WaitingChildrenError",
    "WaitingError",
]
