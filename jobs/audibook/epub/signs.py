"""The signs of a page break in a document, each with how sure it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .blocks import Mark
from .chapters import begins_chapter, begins_scene
from .markup import Element, attribute, local_name

__all__ = ["PageSigns", "SignKinds"]

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BREAK_STYLE = re.compile(
    r"(?:page-)?break-(before|after)\s*:\s*(?:always|page|left|right|recto|verso)", re.IGNORECASE
)
_PAGE_ID = re.compile(r"page[-_]?\d+", re.IGNORECASE)
_WIDE = re.compile(
    # What was passed over is not tried again: a style of some kilobytes would take minutes.
    r"(?<![\w-])(?:-\w+-)?(?:margin|padding)[\w-]*+\s*+:"
    r"(?:[^;:\d]++|\d++(?:\.\d++)?+(?!px))*+(\d++(?:\.\d++)?+)px",
    re.IGNORECASE,
)
_WIDE_PX = 50
_FONT_SIZE = re.compile(r"font-size\s*:\s*(\d+(?:\.\d+)?)(px|r?em)", re.IGNORECASE)
_LARGE = {"px": 20, "em": 2, "rem": 2}
_CENTRED = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)
_CENTRED_CLASSES = {"center", "text-center"}
_BREAK_CLASSES = {"page-break", "new-page", "page-start", "chapter-start", "section-break"}
_ORNAMENT = re.compile(r"[*\-~#](?:\s*[*\-~#]){2,}")
_SPACES = re.compile(r"\s+")
_SECTIONS = {"section", "div", "article"}
_SEEN_CHARACTERS = 201  # enough for every rule that asks for a short text
_SHORT_TITLE, _SHORT_HEADING, _SHORT_SCENE, _NEIGHBOUR = 50, 100, 200, 50


@dataclass(frozen=True, slots=True)
class SignKinds:
    """Which kinds of signs count."""

    explicit: bool = True
    structural: bool = True
    stylistic: bool = True
    semantic: bool = True


@dataclass(frozen=True, slots=True)
class PageSigns:
    """Finds the signs at an element; a `MarkFinder` for `document_text`.

    `anchors` maps ids of elements to labels of the book's page list; when it is given,
    these places are the only signs, for the publisher has said where pages begin.
    """

    kinds: SignKinds = field(default_factory=SignKinds)
    anchors: dict[str, str] | None = None

    def __call__(self, element: Element, starting: bool) -> Iterator[Mark]:
        """The signs at the element's start, or at its end."""
        if self.anchors is not None:
            names = {element.get("id"), element.get("name")} & self.anchors.keys()
            if starting and names:
                yield Mark("page-list", 1.0, label=self.anchors[str(names.pop())])
            return
        style = element.get("style", "")
        if self.kinds.explicit:
            yield from _explicit(element, style, starting)
        if not starting:
            return
        text = _beginning(element)
        if self.kinds.structural:
            yield from _structural(element, style, text)
        if self.kinds.stylistic:
            yield from _stylistic(element, style, text)
        if self.kinds.semantic:
            yield from _semantic(element, text)


def _explicit(element: Element, style: str, starting: bool) -> Iterator[Mark]:
    side = "before" if starting else "after"
    if any(found.group(1).lower() == side for found in _BREAK_STYLE.finditer(style)):
        yield Mark("explicit", 1.0)
    if not starting:
        return
    name = local_name(element)
    label = element.get("title") or attribute(element, "label") or _beginning(element) or None
    if {"pagebreak", "doc-pagebreak"} & _kinds(element):
        yield Mark("explicit", 1.0, label=label)
    elif name in {"span", "a"} and _PAGE_ID.fullmatch(element.get("id", "")):
        yield Mark("explicit", 0.9, label=label)


def _structural(element: Element, style: str, text: str) -> Iterator[Mark]:
    name = local_name(element)
    chapter = (
        (name in _SECTIONS and "chapter" in element.get("class", "").lower())
        or (name == "section" and {"chapter", "doc-chapter"} & _kinds(element))
        or name == "h1"
        or (name == "h2" and _neighbour(element, before=True) is None)
    )
    if chapter:
        yield Mark("structural", 0.9 if begins_chapter(text) else 0.8)
    elif name == "hr":
        yield Mark("structural", 0.7)
    if any(float(found.group(1)) >= _WIDE_PX for found in _WIDE.finditer(style)):
        yield Mark("structural", 0.6)


def _stylistic(element: Element, style: str, text: str) -> Iterator[Mark]:
    classes = set(element.get("class", "").lower().split())
    if classes & _BREAK_CLASSES:
        yield Mark("stylistic", 0.8)
    if _CENTRED.search(style) or classes & _CENTRED_CLASSES:
        title = begins_chapter(text) or 0 < len(text) < _SHORT_TITLE
        yield Mark("stylistic", 0.7 if title else 0.6)
    size = _FONT_SIZE.search(style)
    if size and float(size.group(1)) >= _LARGE[size.group(2).lower()]:
        yield Mark("stylistic", 0.7 if len(text) < _SHORT_HEADING else 0.6)


def _semantic(element: Element, text: str) -> Iterator[Mark]:
    name = local_name(element)
    if name not in {"p", "div"} and name not in _HEADINGS:
        return
    if begins_chapter(text):
        yield Mark("semantic", 0.8)
    if name in _HEADINGS:
        return
    if len(text) < _SHORT_SCENE and begins_scene(text):
        yield Mark("semantic", 0.6)
    if _ORNAMENT.fullmatch(text):
        yield Mark("semantic", 0.7)
    neighbours = (_neighbour(element, before=True), _neighbour(element, before=False))
    if not text and all(n is not None and len(_beginning(n)) > _NEIGHBOUR for n in neighbours):
        yield Mark("semantic", 0.5)


def _kinds(element: Element) -> set[str]:
    return set(f"{attribute(element, 'type')} {attribute(element, 'role')}".lower().split())


def _neighbour(element: Element, *, before: bool) -> Element | None:
    """The element next to this one; comments and processing instructions do not count."""
    siblings = element.itersiblings(preceding=before)
    return next((sibling for sibling in siblings if local_name(sibling)), None)


def _beginning(element: Element) -> str:
    """The first characters of the element's text, white space collapsed."""
    found = ""
    for part in element.itertext():
        found = _SPACES.sub(" ", found + str(part))
        if len(found) > _SEEN_CHARACTERS:
            break
    return found.strip()[:_SEEN_CHARACTERS]
