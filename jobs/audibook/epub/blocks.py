"""What the text of a document is cut into, and the options of the cutting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

__all__ = ["BLOCK_SEPARATOR", "HEADINGS", "Block", "DocumentText", "Mark", "TextOptions"]

BLOCK_SEPARATOR = "\n\n"

HEADINGS = {f"h{level}": level for level in range(1, 7)}
"""The elements of headings, and their levels."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign of a page break.

    `kind` is explicit, structural, stylistic, semantic or page-list; `confidence` goes
    from 0 to 1; `offset` counts characters from the start of the block that holds it.
    """

    kind: str
    confidence: float
    offset: int = 0
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The text of one paragraph, heading, list item or table cell, white space collapsed.

    `level` is 1 to 6 for a heading; `linked` says that all of it is the text of links, but for
    the number of a chapter or page; `links` to which places they lead, also where other text
    stands beside them. `list_number` counts the document's lists, and is that of the innermost
    one around the block; 0 outside of all. `joint` parts the block from the one before: a line end
    where an item of a list or a row of a table ends or begins, a tab between cells, else a space.
    """

    text: str
    level: int | None = None
    linked: bool = False
    marks: Sequence[Mark] = ()
    list_number: int = 0
    links: Set[str] = frozenset()
    joint: str = " "


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The blocks of one document, and how many characters each rule left out.

    Counted without white space: what is in the document is what is in the blocks plus
    what is in `removed`.
    """

    blocks: Sequence[Block] = ()
    removed: Counter[str] = field(default_factory=Counter)

    @property
    def text(self) -> str:
        """The blocks joined by a blank line."""
        return BLOCK_SEPARATOR.join(block.text for block in self.blocks)

    @property
    def heading(self) -> str | None:
        """The first heading."""
        return next((block.text for block in self.blocks if block.level), None)


@dataclass(frozen=True, slots=True)
class TextOptions:
    """What of a document is text to be read aloud."""

    exclude_elements: frozenset[str] = frozenset()
    """Further elements, by name, which are left out with all they hold."""
    inline_elements: bool = True
    """Whether inline elements directly in the body count as text."""
    notes: bool = False
    """Whether footnotes and endnotes are read."""
    contents_lists: bool = False
    """Whether lists of links to the book's chapters are read."""
