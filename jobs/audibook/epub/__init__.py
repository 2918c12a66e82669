"""Reading EPUB 2 and 3: from the file to pages of paragraphs, with no text lost.

reader                  puts the book together
archive, limits         the zip, read within bounds
package, manifest, navigation, cover, encryption
                        the files about the book, its picture, whether its text is locked
documents               the documents of the spine, one after the other
decoding, markup        a document in whatever state, as a tree of elements
text, lines, inline, blocks
                        the text of a document, line by line and block by block
styles, style_rules     what of it is hidden, or stands on a line of its own
notes, numbered_notes, note_marks, note_titles
                        what is a footnote, the mark of one, what stands above them
removal, page_numbers, contents, indexes
                        what else is not read aloud
headings                what is a heading by the contents or its words only
hyphens                 words that the ends of lines part
pictures, drop_caps     what pictures say in the place of text; first letters put to their words
signs, chapters, sections, pages
                        where chapters and pages begin
sentences, paragraphs   what pages are cut into
writer                  makes plain EPUBs
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
