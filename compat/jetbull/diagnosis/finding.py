"""One sentence that says what was seen and, where it is not right, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Grade"]

Grade = Literal["ok", "hint", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `hint`: it works, but should be known."""

    name: str
    grade: Grade
    detail: str
