"""Processes that are forked from one that has imported everything: each starts at once."""

from __future__ import annotations

import multiprocessing

__all__ = ["FORKSERVER"]

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.faults.worker", "tests.faults.killed_producers"])
