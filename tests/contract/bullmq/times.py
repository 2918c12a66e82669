"""Times for what shall not happen within a test."""

from __future__ import annotations

HOUR = 3_600_000
FAR_AWAY = 4_102_444_800_000  # the year 2100
