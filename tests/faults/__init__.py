"""Nothing lost, nothing twice: what happens when things break.

    servers, proxy        real nats-server processes on loopback, and the network before them
    replica               a server of a cluster that is behind the others
    silence, far          a server that answers no question, for all or for one queue
    apart, doors          several connections to one queue; one of them can be held up
    worker, workers, points
                          worker processes, and the places in them where they can be killed
    forking, killed_producers, noted
                          processes that die while they add jobs
    books, told           what was acknowledged and what ran, written outside NATS; what was told
    looking, tickets      a worker's look at what a crash has left behind; tickets out of locks
    producing, stage      producers; with servers and workers, all there is in one run
    catalogue, running    the faults by name, one file per kind beside it; the run of one
    checker, report       what must hold afterwards, and the table of it
    __main__              the long run: `python -m tests.faults --seed 7 --minutes 30`

Every run prints its seed; the same seed chooses the same moments again.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.catalogue import Fault

_KINDS = ("worker_faults", "connection_faults", "server_faults", "operator_faults")


def all_faults() -> dict[str, Fault]:
    """Every fault by name."""
    from tests.faults.catalogue import FAULTS

    for kind in _KINDS:
        import_module(f"tests.faults.{kind}")
    return FAULTS
