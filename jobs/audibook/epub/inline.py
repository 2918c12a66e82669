"""Elements within a line that are read apart from the words around them, and links."""

from __future__ import annotations

from .markup import INLINE, Element, own_text
from .note_marks import is_raised

__all__ = ["is_apart", "is_link", "is_raised_number"]

_VERSE_CLASSES = {
    *("verse", "verse-num", "verse-number", "verse_number", "versenum", "versenumber", "vnum"),
    *("pasuk", "pasuk-num", "v", "vn", "chapter-num", "chapter-number", "chapternum", "cnum"),
}


def is_raised_number(element: Element, name: str) -> bool:
    """An exponent or the number of a verse: ten to the sixth is no hundred and six."""
    return is_apart(element, name) and own_text(element).lstrip("-−+").isdigit()


def is_apart(element: Element, name: str) -> bool:
    """Whether it is raised, or the number of a verse by its class."""
    return is_raised(element, name) or (
        name in INLINE and not _VERSE_CLASSES.isdisjoint(element.get("class", "").lower().split())
    )


def is_link(element: Element, name: str) -> bool:
    """Whether the element is a link to another place in the book: not an anchor, nor out of it."""
    href = element.get("href", "").strip()
    return name == "a" and href not in {"", "#"} and ":" not in href.partition("#")[0]
