"""What is wrong with a queue, its server and its workers: the findings of `jetbull doctor`.

diagnosing    goes through all there is to look at
finding       one thing looked at
storage       streams as they should be, how safe what they hold is, room for more
consumption   what hands jobs out, who takes them, what holds them up
stuck         jobs that do not move
"""

from __future__ import annotations

from .diagnosing import diagnose
from .finding import Finding

__all__ = ["Finding", "diagnose"]
