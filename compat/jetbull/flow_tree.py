"""A flow as a tree of jobs, before it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from os import urandom
from typing import Any

from jetbull.job import Job
from jetbull.job_node import JobNode
from jetbull.legacy import modern
from jetbull.minimal_queue import MinimalQueue
from jetbull.options import check_id


class FlowTree:
    """A node of a flow on its way into the ledger."""

    def __init__(self, queue: MinimalQueue, name: str, data: Any, opts: Mapping[str, Any]) -> None:
        opts = modern(opts)
        check_id(opts)
        self.unnamed = not opts.get("jobId")
        job_id = urandom(16).hex() if self.unnamed else str(opts["jobId"])
        self.job = Job(queue, name, data, opts, job_id)
        self.job.id = job_id
        self.queue = queue
        self.children: list[FlowTree] = []

    def as_dict(self) -> JobNode:
        """BullMQ's JobNode."""
        node: JobNode = {"job": self.job}
        if self.children:
            node["children"] = [child.as_dict() for child in self.children]
        return node


__all__ = ["FlowTree"]
