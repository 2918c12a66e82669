"""Warnings that point to the line of the caller, however deep in jetbull they arise."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

_PACKAGE = "jetbull"


def warn_caller(text: str, category: type[Warning]) -> None:
    """Warns at the nearest line outside this package."""
    frame: FrameType | None = sys._getframe()
    level = 1
    while frame is not None and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE


__all__ = ["warn_caller"]
