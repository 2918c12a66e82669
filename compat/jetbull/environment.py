"""Variables of the environment."""

from __future__ import annotations

import os

__all__ = ["variable"]


def variable(name: str) -> str:
    """What it says, empty where it is not set.

    A line end behind it, as a file of variables written on Windows leaves, does not count.
    """
    return os.environ.get(name, "").rstrip("\r\n")
