"""Type parameters of Queue, Worker and Job: what a job carries and what it gives.

`Queue[PaintJob, Painted]("paint")` tells type checkers and editors what `add` takes and what
`job.data` and `job.returnvalue` are. Without parameters both are `Any`.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypeVar

Data = TypeVar("Data", default=Any)
Result = TypeVar("Result", default=Any)

__all__ = ["Data", "Result"]
