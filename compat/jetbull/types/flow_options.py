"""What goes into a flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from jetbull.types.job_options import JobOptions


class FlowJob(TypedDict):
    """One node of a flow: a job, and those it waits for."""

    name: str
    queueName: str
    data: NotRequired[Any]
    prefix: NotRequired[str]
    opts: NotRequired[JobOptions | Mapping[str, Any]]
    children: NotRequired[Sequence[FlowJob]]


class FlowOptions(TypedDict, total=False):
    """`queuesOptions` holds `{queue name: {"defaultJobOptions": options}}`."""

    queuesOptions: Mapping[str, Mapping[str, Any]]


class FlowPlace(TypedDict):
    """Which flow to read, how deep and how many children of each job."""

    id: str
    queueName: str
    prefix: NotRequired[str]
    depth: NotRequired[int]
    maxChildren: NotRequired[int]


__all__ = ["FlowJob", "FlowOptions", "FlowPlace"]
