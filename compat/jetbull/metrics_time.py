"""How long a history of metrics may be, in data points of one minute each (BullMQ: MetricsTime)."""

from __future__ import annotations

from enum import IntEnum


class MetricsTime(IntEnum):
    """Values for the worker option `metrics: {maxDataPoints}`."""

    ONE_MINUTE = 1
    FIVE_MINUTES = 5
    FIFTEEN_MINUTES = 15
    THIRTY_MINUTES = 30
    ONE_HOUR = 60
    ONE_WEEK = 10_080
    TWO_WEEKS = 20_160
    ONE_MONTH = 80_640


__all__ = ["MetricsTime"]
