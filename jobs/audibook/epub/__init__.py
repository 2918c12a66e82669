"""Reading EPUB 2 and 3: from the file to pages of paragraphs, with no text lost.

`archive` reads the zip within `limits`; `package`, `navigation` and `encryption` the
files about the book; `decoding` and `markup` any document in any state; `text` takes a
document's text block by block, less what `styles` hides, what `notes` finds and what `removal`
and `contents` name; `documents` goes through the spine; `signs`, `chapters` and `pages` find
page breaks; `sentences` and `paragraphs` cut; `reader` puts the book together. `writer` makes
plain EPUBs.
"""

from __future__ import annotations

from .limits import Limits
from .package import Metadata
from .paragraphs import ParagraphSizes
from .reader import (
    Method,
    ParsedBook,
    ParsedPage,
    ReadOptions,
    read_cover,
    read_epub,
    read_metadata,
)
from .signs import SignKinds

__all__ = [
    "Limits",
    "Metadata",
    "Method",
    "ParagraphSizes",
    "ParsedBook",
    "ParsedPage",
    "ReadOptions",
    "SignKinds",
    "read_cover",
    "read_epub",
    "read_metadata",
]
