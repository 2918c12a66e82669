"""Notes that only the marks that lead to them tell from other paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from itertools import takewhile

from .archive import Archive
from .blocks import HEADINGS
from .markup import Element, all_text, attribute, children, local_name, own_text
from .note_marks import ARROWS, BRACKETS, is_raised, is_reference, nothing_before, text_before
from .note_titles import mark_as_notes
from .numbered_notes import NumberedNotes
from .package import Reference, resolve
from .removal import NOTE_HOLDERS

__all__ = ["Notes"]

_BEGUN_BY_NOTES = NOTE_HOLDERS | {"tr"} | HEADINGS.keys()
_TEXT_HOLDERS = {"blockquote", "body", "dd", "div", "dt", "li", "p", "section", "td", *HEADINGS}
_NOTE_ID = re.compile(
    r"(?:sd|_)?(?:foot|end)?notes?[-_.]?\d+|_?(?:ftn|edn|fn|en)[-_.]?\d+", re.IGNORECASE
)
_Items = dict[Element, dict[Element, int]]
"""Of the lists seen so far, each item with its number."""
_ANSWERS = re.compile(
    r"\b(?:answers|answer key|solutions|antworten|lösungen|réponses|respuestas|soluciones|risposte|"
    r"soluzioni|respostas|soluções|ответы|решения|תשובות|פתרונות|إجابات|الأجوبة)\b|解答|答案",
    re.IGNORECASE,
)
"""In the heading above what is read, though questions and it lead to each other as notes do."""
_NOTE_TYPES = {"noteref", "note"}
"""Of a link in EPUB 3, and in FictionBook, from which converters keep it."""
_ANCHORS = {"a", "span", "br", "hr", "p", "div", "pagebreak"}
_MOST_ANCHORS = 10
"""Next to each other before a paragraph."""
_LONGEST, _LONGEST_UNLINKED = 10_000, 2_000
_LONGEST_MARK = 4
"""Characters: "12.)", "(א)", "※12"."""
_LONGEST_WAY_BACK = 12
"""Characters: "↩", "[back]"."""


class Notes:
    """The notes of one book, found as its documents are read in order.

    A note is an element to which the mark of a note leads from within a text, and which begins
    with its own mark, or ends, as a link to the paragraph of that text. To a raised number leads
    nothing back where the note begins with the same one, or follows a heading that is nothing but
    it.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._marked: dict[Reference, list[set[Reference]]] = {}
        """Of a note, what is in each paragraph from which a mark leads there."""
        self._numbered: dict[Reference, str] = {}
        """Numbers that raised marks give to notes."""
        self._unlinked = NumberedNotes()

    def mark(self, name: str, root: Element) -> None:
        """Give the notes in the document of this name the role of notes, with their headings."""
        self._note_references(name, root)
        mark_as_notes(root, [*self._notes(name, root), *self._unlinked.find(root)])

    def _note_references(self, name: str, root: Element) -> None:
        places: dict[Element, set[Reference]] = {}
        begun: set[Element] = set()
        for link in root.iter():
            if local_name(link) != "a" or "#" not in link.get("href", ""):
                continue
            if not is_reference(link) and not _is_picture(link):
                continue
            if _is_callout(link):
                continue
            text = next((e for e in link.iterancestors() if local_name(e) in _TEXT_HOLDERS), None)
            note = resolve(self._archive, name, link.get("href", ""))
            if text is None or note is None or (text not in begun and nothing_before(link, text)):
                continue
            begun.add(text)
            if not _hangs_at_a_word(link, text):
                continue
            if text not in places:
                within = (*_anchors_before(text), *text.iter())
                places[text] = {Reference(name, i) for e in within for i in _ids(e)}
            hanging = _is_raised(link) and not text_before(link, text)[-1:].isspace()
            if hanging or not _NOTE_TYPES.isdisjoint(attribute(link, "type").split()):
                self._numbered[note] = _without_brackets(own_text(link))
            marked = self._marked.setdefault(note, [])
            if not marked or marked[-1] is not places[text]:
                marked.append(places[text])

    def _notes(self, name: str, root: Element) -> Iterator[Element]:
        if not any(note.name == name for note in self._marked):
            return
        ways_back: dict[Element, list[str]] = {}
        notes: set[Element] = set()
        items: _Items = {}
        answers = False
        for element in root.iter():
            if local_name(element) in HEADINGS:
                answers = _ANSWERS.search(own_text(element)) is not None
            if answers:
                continue
            for place in (Reference(name, i) for i in _ids(element)):
                if place not in self._marked:
                    continue
                meant = _meant(element)
                around = (meant, *meant.iterancestors())
                holder = next((e for e in around if local_name(e) in _BEGUN_BY_NOTES), None)
                if holder is None:
                    continue
                number = self._numbered.get(place, "")
                if local_name(holder) in HEADINGS:
                    if _without_brackets(own_text(holder)) == number:
                        yield from _with_following(holder)
                    continue
                if holder not in ways_back:
                    ways_back[holder] = list(_ways_back(holder))
                back = [resolve(self._archive, name, way) for way in ways_back[holder]]
                led_back = any(way in there for there in self._marked[place] for way in back)
                if led_back or _has_number(holder, number, items):
                    whole = _whole_note(holder, notes)
                    notes.add(whole)
                    yield whole


def _hangs_at_a_word(link: Element, text: Element) -> bool:
    """As the marks of notes do, and the numbers in a list of chapters do not."""
    mark = own_text(link)
    return _is_raised(link) or not mark.isalnum() or not text_before(link, text)[-1:].isspace()


def _is_raised(link: Element) -> bool:
    """Whether the link is raised, what is in it, or what stands directly around it."""
    return any(
        is_raised(e, local_name(e)) for e in (*link.iter(), link.getparent()) if e is not None
    )


def _is_picture(link: Element) -> bool:
    """Whether nothing but a picture is the mark."""
    return not own_text(link) and any(local_name(e) == "img" for e in link.iter())


def _is_callout(link: Element) -> bool:
    """Whether the mark leads from a line of a listing to its explanation, which is text."""
    if not _is_picture(link) and "co" not in link.get("class", "").split():
        return False
    return any(local_name(e) == "pre" for e in link.iterancestors())


def _without_brackets(mark: str) -> str:
    return mark.strip(f"{''.join(BRACKETS)}{''.join(BRACKETS.values())} .")


def _has_number(holder: Element, number: str, items: _Items) -> bool:
    """Whether a note begins with its number, or is an item of a list that has this number."""
    if not number.isdigit() or len(all_text(holder)) > _LONGEST_UNLINKED:
        return False
    titles = [own_text(e) for e in holder.iter() if local_name(e) in HEADINGS]
    if any(_without_brackets(title) != number for title in titles):
        return False
    around = holder.getparent()
    if around is not None and local_name(around) == "ol":
        if around not in items:
            items[around] = {item: n for n, item in enumerate(children(around, "li"), 1)}
        return items[around].get(holder) == int(number)
    begun = own_text(holder).lstrip("".join(BRACKETS))
    return begun.startswith(number) and not begun[len(number) : len(number) + 1].isdigit()


def _with_following(heading: Element) -> list[Element]:
    """The heading and what stands below it; nothing where that is longer than a note."""
    found = [heading]
    following = heading.getnext()
    while following is not None and local_name(following) not in HEADINGS:
        found.append(following)
        following = following.getnext()
    return found if sum(len(all_text(e)) for e in found) < _LONGEST else []


def _whole_note(holder: Element, notes: Set[Element]) -> Element:
    """The element around all paragraphs of a note, where its name or its place tells of one."""
    around = holder.getparent()
    if (
        around is None
        or local_name(around) not in NOTE_HOLDERS
        or not (_NOTE_ID.match(around.get("id", "")) or _is_below_rule(around, notes))
        or next(around.iterchildren("*"), None) is not holder
        or not _is_short(around)
    ):
        return holder
    return around


def _is_below_rule(around: Element, notes: Set[Element]) -> bool:
    """Whether nothing but notes stands between it and a line across the page."""
    before = around.getprevious()
    if before is None or not (before in notes or local_name(before) == "hr"):
        return False
    return local_name(around) == "div" and not any(local_name(e) in HEADINGS for e in around.iter())


def _is_short(holder: Element) -> bool:
    """Whether it may be a note: neither a heading nor a chapter."""
    return local_name(holder) not in HEADINGS and len(all_text(holder)) < _LONGEST


def _ids(element: Element) -> set[str]:
    """The names by which links know the element."""
    named = element.get("name") if local_name(element) == "a" else None
    return {i for i in (element.get("id"), named) if i}


def _is_anchor(element: Element) -> bool:
    """Whether it stands between paragraphs and holds nothing, as where Kindle books mark places."""
    return not (element.tail or "").strip() and _is_empty(element)


def _is_empty(element: Element) -> bool:
    """Whether there is nothing to see in it but a line across the page."""
    return not own_text(element) and all(local_name(e) in _ANCHORS for e in element.iter("*"))


def _anchors_before(text: Element) -> Iterator[Element]:
    return takewhile(_is_anchor, text.itersiblings(preceding=True))


def _meant(element: Element) -> Element:
    """What a link to the element means: what stands behind it, where it is an anchor."""
    for _ in range(_MOST_ANCHORS):
        if not _is_anchor(element):
            break
        around, following = element.getparent(), element.getnext()
        if following is None and around is not None and _is_empty(around):
            following = around  # an empty paragraph, made of an anchor
        if following is None:
            break
        element = following
    return element


def _ways_back(holder: Element) -> Iterator[str]:
    """Where the link leads with which the element begins, and the one with which it ends."""
    links = [e for e in holder.iter() if local_name(e) == "a" and "#" in e.get("href", "")]
    if not links or not _is_short(holder):
        return
    first, last = links[0], own_text(links[-1])
    short = len(own_text(first)) <= _LONGEST_MARK
    if (short or is_reference(first)) and nothing_before(first, holder):
        yield first.get("href", "")
    leads_back = not last.strip(ARROWS) or any(c.isalpha() for c in last.strip("[](){}"))
    if 0 < len(last) <= _LONGEST_WAY_BACK and leads_back and own_text(holder).endswith(last):
        yield links[-1].get("href", "")
