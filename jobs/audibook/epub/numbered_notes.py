"""Notes to which no link leads: paragraphs with the numbers of marks, below a title or a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from .blocks import HEADINGS
from .markup import Element, children, local_name, own_text
from .note_marks import is_note_mark, is_raised, is_reference, text_before
from .note_titles import TITLES

__all__ = ["NumberedNotes"]

_BLOCKS = {"blockquote", "body", "dd", "div", "dt", "li", "p", "section", "td", *HEADINGS}
_TITLED = {"p", *HEADINGS}
_NUMBER = re.compile(r"[\[(]?(\d{1,3})(?![\d.,]*\d)[\])]?")
_DIGITS = re.compile(r"\d{1,3}")
_LONGEST = 2_000
_MOST_BETWEEN = 10
"""Elements between two notes that have no number: further paragraphs, titles of chapters."""


class NumberedNotes:
    """Finds the notes of one book by the numbers of the marks seen in its documents so far."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def find(self, root: Element) -> list[Element]:
        """The notes in the next document of the book."""
        marks = [number for e in root.iter() for number in _mark(e)]
        self._seen.update(marks)
        if not self._seen:
            return []
        found: dict[Element, None] = {}
        rule: Element | None = None
        for element in root.iter():
            if local_name(element) == "hr":
                rule = element
            elif element not in found and _is_title(element):
                found |= dict.fromkeys(_below_title(element, self._seen))
        if rule is not None:
            below = [e for e in rule.itersiblings() if own_text(e)]
            if marks and [_number(e) for e in below] == marks:
                found |= dict.fromkeys(below)
        return list(found)


def _is_title(element: Element) -> bool:
    return local_name(element) in _TITLED and own_text(element).strip(" .:").lower() in TITLES


def _mark(element: Element) -> Iterator[str]:
    """The number of the note whose mark the element is."""
    name = local_name(element)
    if name == "a" and element.get("href") and is_reference(element):
        yield from _DIGITS.findall(own_text(element))
    elif is_raised(element, name) and not any(
        "#" in e.get("href", "") for e in element.iter("{*}a")
    ):
        text = next((e for e in element.iterancestors() if local_name(e) in _BLOCKS), None)
        if text is not None and is_note_mark(element, text_before(element, text)):
            yield from _DIGITS.findall(own_text(element))


def _below_title(title: Element, seen: Set[str]) -> list[Element]:
    found: list[Element] = []
    between: list[Element] = []
    last = passed = 0
    for element in title.itersiblings():
        number = _number(element)
        is_list = local_name(element) == "ol" and str(len(children(element, "li"))) in seen
        if is_list or (number in seen and int(number) in {1, last + 1}):
            found += [*between, element]
            between, last, passed = [], 0 if is_list else int(number), 0
            continue
        if found or local_name(element) in HEADINGS:
            between.append(element)
        passed += 1
        if passed > _MOST_BETWEEN:
            break
    return found


def _number(note: Element) -> str:
    """The number with which a note begins; empty where it has none, or is no note."""
    text = own_text(note)
    begun = _NUMBER.match(text)
    return (
        begun.group(1)
        if begun and len(text) < _LONGEST and local_name(note) not in HEADINGS
        else ""
    )
