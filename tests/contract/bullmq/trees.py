"""The nodes of which a test builds its flows."""

from __future__ import annotations

from typing import Any


def node(name: str, queue: Any, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One node of a flow, with `children` only if it has any."""
    tree = {"name": name, "queueName": queue.name, "data": {"of": name}, **more}
    return {**tree, "children": list(children)} if children else tree
