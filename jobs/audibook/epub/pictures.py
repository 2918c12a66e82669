"""What pictures say in the place of text: a heading, a formula, the first letter of a word."""

from __future__ import annotations

import re
import unicodedata

from .blocks import HEADINGS
from .markup import Element, attribute, children, local_name, own_text, text_after
from .note_marks import begins_word

__all__ = [
    "drop_cap",
    "pictured_formula",
    "pictured_heading",
    "pictured_title",
    "says",
    "shown_letter",
]

# Names of files, and words that only say that there is a picture.
_NO_ALTERNATIVE = re.compile(
    r"\S+\.\w{3,4}|(?:.*\b)?(?:image|img|images|picture|photo|ornament|decoration|logo|cover)"
    r"[\W_\d]*|\W*",
    re.IGNORECASE,
)


_WORD = re.compile(r"\w+")
_FORMULA = re.compile(r"(?<![a-z])(?:math|formula|equation|gaiji)", re.IGNORECASE)
_LETTER = re.compile(
    r"\[?(?:(?:drop|initial|ornamental|ornate|decorat(?:ive|ed)|illuminated|large|capital|cap|"
    r"dropcap|letter)[\s:–—-]+)*+(\w)\]?",
    re.IGNORECASE,
)
"""How drop caps are called: "T", "[T]", "Decorated letter T"."""
_SOURCE = re.compile(r"[\\{}$]")
"""What nobody would read aloud: TeX."""


def pictured_heading(element: Element) -> str | None:
    """The words of a heading that is nothing but a picture."""
    heading = next((e for e in element.iterancestors() if local_name(e) in HEADINGS), None)
    words = element.get("alt", "").strip()
    if heading is None or own_text(heading) or _NO_ALTERNATIVE.fullmatch(words):
        return None
    return f"{words} "


def pictured_title(root: Element, title: str) -> Element | None:
    """The picture, outside of headings, whose words are the title of the document."""
    for element in root.iter():
        words = element.get("alt", "") if local_name(element) == "img" else ""
        if (
            words
            and _words(words) == _words(title)
            and not _NO_ALTERNATIVE.fullmatch(words.strip())
        ):
            in_heading = any(local_name(e) in HEADINGS for e in element.iterancestors())
            return None if in_heading else element
    return None


def says(text: str, title: str) -> bool:
    """Whether the title is in the text, whatever its case, spaces and punctuation."""
    return _words(title) in _words(text)


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def pictured_formula(element: Element) -> str | None:
    """The words for a formula, or the East Asian character, that is a picture in a text.

    None where they are the formula's source.
    """
    words = element.get("alt", "").strip()
    named = _FORMULA.search(f"{element.get('class', '')} {attribute(element, 'role')}")
    if named is None or _NO_ALTERNATIVE.fullmatch(words) or _SOURCE.search(words):
        return None
    beside = element.getparent()
    return None if beside is not None and children(beside, "math") else words


def shown_letter(picture: Element) -> str:
    """The letter that is all its words say: "T", "Drop cap T"; else nothing."""
    found = _LETTER.fullmatch(picture.get("alt", "").strip())
    return found.group(1) if found and found.group(1).isalpha() else ""


def drop_cap(element: Element, *, first: bool) -> str | None:
    """The letter that a picture shows at the beginning of a word, or as the `first` word."""
    letter = shown_letter(element)
    if not letter:
        return None
    if unicodedata.east_asian_width(letter) == "W":
        # Of a word that has a rare character; as a link it is the mark of a note.
        return None if any(local_name(e) == "a" for e in element.iterancestors()) else letter
    text = text_after(element)
    alone = first and letter == letter.upper() and begins_word(text.lstrip())
    return letter if alone or begins_word(text.lstrip("'’")) else None
