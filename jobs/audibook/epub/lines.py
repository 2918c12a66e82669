"""Which elements within a text stand on a line of their own."""

from __future__ import annotations

import re

from .markup import Element, own_text

__all__ = ["begins_line", "is_on_own_line"]

_OWN_LINE = re.compile(
    r"display\s*:\s*(?:block|flex|grid|list-item|table)|position\s*:\s*(?:absolute|fixed)",
    re.IGNORECASE,
)
_NO_LETTERS = re.compile(r"\W")
_DROP_CAP = 2
_LONGEST_FLOATING_CAP = 12
"""Characters; what floats and is longer stands beside the text, as notes in the margin do."""


def begins_line(element: Element, name: str) -> bool:
    """Whether an element within a text begins a line; as a part of a picture's text may."""
    placed = "x" in element.attrib and ("y" in element.attrib or "dy" in element.attrib)
    return name == "br" or (name == "tspan" and placed) or is_on_own_line(element)


def is_on_own_line(element: Element) -> bool:
    """Whether the element's style parts it from its line: not a drop cap, which is of its word."""
    style = element.get("style", "")
    if "float" in style:
        return "float:none" not in style and len(own_text(element)) > _LONGEST_FLOATING_CAP
    if not _OWN_LINE.search(style):
        return False
    text = _NO_LETTERS.sub("", own_text(element))
    return len(text) > _DROP_CAP or text.isdigit()
