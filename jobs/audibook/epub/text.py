"""The text of one document, block by block, in reading order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from lxml import etree

from .blocks import HEADINGS, Block, DocumentText, Mark, TextOptions
from .contents import is_numbering, without_contents_lists
from .inline import is_apart, is_link, is_raised_number
from .lines import begins_line, is_on_own_line
from .markup import Element, all_text, local_name, own_text, text_after
from .note_marks import BRACKETS, begins_word
from .pictures import drop_cap, pictured_formula, pictured_heading
from .removal import removal_rule

__all__ = ["MarkFinder", "document_text"]

MarkFinder = Callable[[Element, bool], Iterable[Mark]]
"""Gives the signs of a page break at an element's start (True) or end (False)."""

_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"),
    *("dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "legend", "li", "main"),
    *("menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "tbody", "td"),
    *("tfoot", "th", "thead", "tr", "ul"),
    *("level", "level1", "level2", "level3", "doctitle", "docauthor", "prodnote", "line", "hd"),
    *("bridgehead", "byline", "dateline", "epigraph", "linegroup", "list", "poem", "sidebar"),
    "pagebreak",  # of Kindle books
}
_LISTS = {"dir", "dl", "menu", "ol", "ul"}
_ITEMS = {"caption", "dd", "dt", "figcaption", "legend", "li", "summary", "table", "tr", *_LISTS}
_CELLS = {"td", "th"}
_BLOCKS_OF_PICTURES = {"text", "foreignobject"}
_ABOUT_PICTURES = {"title", "desc", "metadata"}
_LOOSE_INLINE = {"span", "em", "strong", "b", "i", "u"}
_SPACES = re.compile(r"\s+")
_IGNORABLE = re.compile("[\u00ad\u200b\u2060\ufeff]+")
# A line of Chinese or Japanese that goes on in the next one, as browsers join them: no space.
_EAST_ASIAN = "\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\uff01-\uff9f"
_WRAPPED = re.compile(f"(?<=[{_EAST_ASIAN}])[ \t\r]*\n\\s*(?=[{_EAST_ASIAN}])")
_BETWEEN_MARKS = " ,;–—-\xa0\n"
_HEBREW_NUMBER = re.compile("[א-ת]{1,3}")
_TAIL = 24


def document_text(
    root: Element, options: TextOptions | None = None, find_marks: MarkFinder | None = None
) -> DocumentText:
    """The text of a document's body.

    White space is collapsed as a browser does, and none is put in: a drop cap stays
    with its word. Blocks, table cells and list items are separate, `br` is a space.
    """
    walker = _Walker(options or TextOptions(), find_marks)
    for body in _bodies(root):
        walker.walk(body)
    text = DocumentText(walker.blocks, walker.removed)
    return text if walker.options.contents_lists else without_contents_lists(text)


def _bodies(root: Element) -> list[Element]:
    """The body; all there is where the text stands beside it, or in several bodies, or in none."""
    if local_name(root) == "html":
        parts = [e for e in root if local_name(e) not in {"", "head"}]
        beside = "".join([root.text or "", *(e.tail or "" for e in root)]).strip()
        return parts if [local_name(e) for e in parts] == ["body"] and not beside else [root]
    return [e for e in root.iter() if local_name(e) in {"body", "book"}][:1] or [root]


class _Walker:
    """Walks the tree without recursion and collects the text of the current block."""

    def __init__(self, options: TextOptions, find_marks: MarkFinder | None) -> None:
        self.options = options
        self.blocks: list[Block] = []
        self.removed: Counter[str] = Counter()
        self._find_marks = find_marks
        self._parts: list[str] = []
        self._length = 0
        self._ends_in_space = True
        self._marks: list[Mark] = []
        self._linked: set[str] = set()
        self._unlinked: list[str] = []
        self._links: list[str] = []
        self._level: int | None = None
        self._lists: list[int] = [0]
        self._lists_begun = 0
        self._pictures = 0
        self._preformatted = 0
        self._loose: Element | None = None
        self._closing = ""
        self._joint = " "

    def walk(self, body: Element) -> None:
        """Collect the blocks of `body`, unless it says of itself that it holds notes."""
        if removal_rule(body, self.options, "") == "note":
            self._count("note", body)
            return
        if all(not (text or "").strip() for text in (body.text, *(c.tail for c in body))):
            self._loose = body
        self._open(body)
        path: list[tuple[Element, Iterator[Element]]] = [(body, iter(body))]
        while path:
            element, rest = path[-1]
            child = next(rest, None)
            if child is None:
                path.pop()
                self._close(element)
                if path:
                    self._add(element.tail)
            elif self._leave_out(child):
                continue
            else:
                self._open(child)
                path.append((child, iter(child)))
        self._flush()

    def _open(self, element: Element) -> None:
        name = local_name(element)
        self._pictures += name == "svg"
        self._preformatted += name == "pre"
        if self._is_block(element, name):
            self._flush()
            self._part(name)
            self._level = HEADINGS.get(name, self._level)
            if name in _LISTS:
                self._lists_begun += 1
                self._lists.append(self._lists_begun)
        elif begins_line(element, name) or (
            is_raised_number(element, name) and not self._tail()[-1:].isalpha()
        ):
            self._add(" ")
        if is_link(element, name):
            self._links.append(element.get("href", ""))
        self._mark(element, starting=True)
        if name == "img":
            self._add(
                pictured_heading(element)
                or pictured_formula(element)
                or drop_cap(element, first=not self._parts)
            )
        self._add(element.text)

    def _close(self, element: Element) -> None:
        name = local_name(element)
        self._mark(element, starting=False)
        self._pictures -= name == "svg"
        self._preformatted -= name == "pre"
        if self._is_block(element, name):
            self._flush()
            self._part(name)
            if name in HEADINGS:
                self._level = None
            elif name in _LISTS:
                self._lists.pop()
        elif is_on_own_line(element) or (
            (is_raised_number(element, name) or self._is_hebrew_verse(element, name))
            and begins_word(text_after(element))
        ):
            self._add(" ")
        if is_link(element, name):
            self._links.pop()

    def _part(self, name: str) -> None:
        """Keep what comes next apart from what stands before an item or a cell, or in it."""
        if name in _ITEMS:
            self._joint = "\n"
        elif name in _CELLS and self._joint == " ":
            self._joint = "\t"

    def _is_hebrew_verse(self, element: Element, name: str) -> bool:
        """The number of a verse in Hebrew letters, before its first word."""
        number = own_text(element)
        return (
            is_apart(element, name)
            and _HEBREW_NUMBER.fullmatch(number) is not None
            and self._tail().rpartition(" ")[2] == number
        )

    def _is_block(self, element: Element, name: str) -> bool:
        return (
            name in _BLOCKS
            or (self._pictures > 0 and name in _BLOCKS_OF_PICTURES)
            or self._is_loose(element, name)
        )

    def _is_loose(self, element: Element, name: str) -> bool:
        """Whether an inline element stands alone in a body that has no text of its own."""
        return (
            self._loose is not None and element.getparent() is self._loose and name in _LOOSE_INLINE
        )

    def _leave_out(self, element: Element) -> bool:
        """Pass over the element if a rule says so, taking only the text that follows it."""
        name = local_name(element)
        if not name:  # a comment or processing instruction
            self._add(element.tail)
            return True
        rule = removal_rule(element, self.options, self._tail())
        if rule == "alternative" and _is_only_one(element):
            rule = None
        if rule is None and name == "math":
            self._formula(element)
            return True
        if rule is None and self._pictures and name in _ABOUT_PICTURES:
            rule = "picture"
        if rule is None and not self.options.inline_elements and self._is_loose(element, name):
            rule = "inline element"
        if rule is None:
            return False
        self._mark(element, starting=True)
        self._count(rule, element)
        if name in _BLOCKS:
            self._flush()
        if rule == "note reference" and self._parts:
            self._closing = BRACKETS.get(self._parts[-1][-1], "")
        self._add(element.tail)
        return True

    def _formula(self, element: Element) -> None:
        spoken = element.get("alttext", "").strip()
        if spoken:
            self._add(spoken)
            self._count("formula source", element)
        else:
            self._add_formula(element)
        self._add(element.tail)

    def _add_formula(self, formula: Element) -> None:
        walk = etree.iterwalk(formula, events=("start", "end", "comment", "pi"))
        for event, part in walk:
            name = local_name(part)
            if event == "start" and name.startswith("annotation"):
                self._count("formula source", part)
                walk.skip_subtree()
            elif event == "start":
                # One over two is no twelve.
                self._add(" " if name == "mn" and self._tail()[-1:].isdigit() else None)
                self._add(part.text)
            elif part is not formula and (part.tail or "").strip():
                self._add(part.tail)

    def _count(self, rule: str, element: Element) -> None:
        self.removed[rule] += _size(all_text(element))

    def _add(self, text: str | None) -> None:
        if not text:
            return
        if self._closing and not text.strip(_BETWEEN_MARKS):
            # "[<a>7</a>, <a>8</a>]"
            self.removed["note reference"] += _size(text)
            return
        if self._closing and text.startswith(self._closing):
            # "[<a>7</a>]": the brackets around the mark of a note go with it
            self._take_back()
            self.removed["note reference"] += 2
            text = text[1:]
        self._closing = ""
        text = _IGNORABLE.sub("", text)
        text = _SPACES.sub(" ", text if self._preformatted else _WRAPPED.sub("", text))
        if self._ends_in_space:
            text = text.removeprefix(" ")
        if text:
            self._parts.append(text)
            self._length += len(text)
            self._ends_in_space = text[-1] == " "
            if not self._links:
                self._unlinked.append(text)
            elif not text.isspace():
                self._linked.add(self._links[-1])

    def _take_back(self) -> None:
        self._parts[-1] = self._parts[-1][:-1]
        self._length -= 1
        if not self._parts[-1]:
            self._parts.pop()
        self._ends_in_space = not self._parts or self._parts[-1][-1] == " "

    def _tail(self) -> str:
        return "".join(part[-_TAIL:] for part in self._parts[-6:])[-_TAIL:]

    def _mark(self, element: Element, *, starting: bool) -> None:
        if self._find_marks is not None:
            for mark in self._find_marks(element, starting):
                self._marks.append(Mark(mark.kind, mark.confidence, self._length, mark.label))

    def _flush(self) -> None:
        """Close the current block; its marks wait for the next one when it holds no text."""
        text = "".join(self._parts).rstrip(" ")
        if text:
            marks = tuple(mark for mark in self._marks if mark.offset < len(text))
            linked = bool(self._linked) and is_numbering("".join(self._unlinked))
            number = self._lists[-1]
            about = (self._level, linked, marks, number, self._linked, self._joint)
            self.blocks.append(Block(text, *about))
            self._joint = " "
            self._marks = [mark for mark in self._marks if mark.offset >= len(text)]
        self._marks = [Mark(mark.kind, mark.confidence, 0, mark.label) for mark in self._marks]
        self._parts = []
        self._length = 0
        self._linked = set()
        self._unlinked = []
        self._closing = ""
        self._ends_in_space = True


def _is_only_one(case: Element) -> bool:
    """Whether the other alternatives of a switch, such as the picture of a formula, say nothing."""
    return not any(own_text(other) for other in case.itersiblings(tag=etree.Element))


def _size(text: str) -> int:
    """Characters without white space and without those that are never text."""
    return len(_SPACES.sub("", _IGNORABLE.sub("", text)))
