"""The tree that a stored flow comes back as."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

# Not at run time: `jetbull.types` shows JobNode, and is loaded before Job can be.
if TYPE_CHECKING:
    from jetbull.job import Job


class JobNode(TypedDict):
    """A stored job of a flow; `children` is there if it has any."""

    job: Job
    children: NotRequired[list[JobNode]]


__all__ = ["JobNode"]
