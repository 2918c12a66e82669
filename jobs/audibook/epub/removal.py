"""The named rules by which parts of a document are not read aloud."""

from __future__ import annotations

import re
from itertools import chain, islice

from .blocks import HEADINGS, TextOptions
from .indexes import INDEX_TYPES, holds_prose
from .markup import INLINE, Element, attribute, local_name, own_text
from .note_marks import (
    SYMBOLS,
    begins_word,
    is_counted,
    is_note_mark,
    is_raised,
    is_reference,
    is_whole_heading,
    is_whole_paragraph,
    is_words,
    nothing_before,
)
from .page_numbers import is_page_number

__all__ = ["NOTE_HOLDERS", "is_note", "removal_rule"]

_DEFAULT = TextOptions()

_BY_NAME = {
    **dict.fromkeys(("script", "style", "head", "template", "noscript"), "script"),
    **dict.fromkeys(("noembed", "noframes"), "script"),
    **dict.fromkeys(("audio", "video", "iframe", "canvas"), "media fallback"),
    **dict.fromkeys(("input", "select", "textarea", "button", "datalist"), "form"),
    **dict.fromkeys(("meter", "progress"), "form"),
    **dict.fromkeys(("rt", "rp", "rtc"), "ruby reading"),
    **dict.fromkeys(("annotation", "annotation-xml"), "formula source"),
    "nav": "navigation",
    "case": "alternative",
    # of DTBook, which EPUB 2 has as well
    "pagenum": "page number",
    "linenum": "line number",
    **dict.fromkeys(("noteref", "annoref"), "note reference"),
    "note": "note",
}
_BY_TYPE = {
    **dict.fromkeys(("pagebreak", "doc-pagebreak"), "page number"),
    **dict.fromkeys(("noteref", "doc-noteref", "backlink", "doc-backlink"), "note reference"),
    **dict.fromkeys(("footnote", "endnote", "rearnote", "footnotes", "endnotes"), "note"),
    **dict.fromkeys(("rearnotes", "doc-footnote", "doc-endnote", "doc-endnotes"), "note"),
    **dict.fromkeys(("toc", "landmarks", "page-list", "doc-toc", "doc-pagelist"), "navigation"),
    **dict.fromkeys(("loi", "lot", "index-locator"), "navigation"),
    **dict.fromkeys(INDEX_TYPES, "index"),
}
_NOTE_CLASSES = {
    *("footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "fnote"),
    *("_idfootnote", "_idfootnotes", "_idendnote", "_idendnotes", "sdfootnote", "sdendnote"),
    *("msofootnotetext", "msoendnotetext"),
}
_MARGIN_CLASSES = {"sidenote", "marginnote"}
_MARGIN_MARK = "margin-toggle"
"""Of the label, and the box to be checked, that show a note in the margin on small screens."""
_SURE_NOTE_CLASSES = {"duokan-footnote-content", "duokan-footnote-item"}
_NOTE_LISTS = {"footnotes", "endnotes", "rearnotes", "_idfootnotes", "_idendnotes"}
NOTE_HOLDERS = {"aside", "blockquote", "dd", "div", "dl", "li", "ol", "p", "section", "table"}
_LABELLED = HEADINGS.keys() | {"p", "span", "strong", "em", "b", "i"}
_MEDIA = {"audio", "image", "video"}
_MEDIA_SUFFIXES = (".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".mp3", ".mp4")
_NUMBER_FIRST = re.compile(r"[\[(]?(?:\d{1,3}|[*†‡])[\])]?[.:)\s]")
_LINE_NUMBER_CLASSES = {
    *("lnum", "linenum", "linenumber", "line-number", "line-num", "lineno", "line-no", "ln"),
    "linenos",
}
_LONGEST_PAGE_NUMBER = 30
"""Characters: "[Page 12 of 200]"."""
_LONGEST_ENTRY = 120
"""Characters of an entry in a list of contents."""
_MOST_PIECES = 6
"""Of a word whose letters are elements of their own."""
# EPUB 2 has running heads and feet of the printed page, which stand in no reader's text.
_INVISIBLE = re.compile(
    r"display\s*:\s*(?:none|oeb-page-(?:head|foot))|visibility\s*:\s*hidden", re.IGNORECASE
)


def removal_rule(element: Element, options: TextOptions, before: str) -> str | None:
    """The rule that leaves this element out with all it holds, or None.

    `before` is the text directly before the element in its block.
    """
    name = local_name(element)
    if name in options.exclude_elements:
        return "excluded element"
    if name in _BY_NAME and not (name == "note" and options.notes):
        return _BY_NAME[name]
    if name == "dialog" and element.get("open") is None:
        return "hidden"
    if name == "object" and _shows_media(element):
        return "media fallback"
    if not element.attrib and name != "sup":
        return None
    if _hidden(element):
        return "hidden"
    for kind in f"{attribute(element, 'type')} {attribute(element, 'role')}".split():
        rule = _BY_TYPE.get(kind.lower())
        if rule == "note" and options.notes:
            continue
        if rule is not None and not _is_text(element, kind.lower(), rule):
            return rule
    if name == "a" and is_reference(element) and not _is_number(element, before):
        return "note reference"
    if is_raised(element, name) and is_note_mark(element, before):
        return "note reference"
    return _by_class(element, options)


def is_note(element: Element) -> bool:
    """Whether the element says by its type or class that it is a note."""
    return removal_rule(element, _DEFAULT, "") == "note"


def _is_text(element: Element, kind: str, rule: str) -> bool:
    """Whether what by its type is a mark, a page number or contents holds words of the text."""
    if rule == "note reference":
        return is_whole_heading(element) or ("noteref" in kind and is_words(element))
    if rule == "navigation":
        return local_name(element) != "nav" and any(map(_is_prose, element.iter()))
    if rule == "index":
        return holds_prose(element)
    return rule == "page number" and len(own_text(element)) > _LONGEST_PAGE_NUMBER


def _is_number(link: Element, before: str) -> bool:
    """Whether it is the number of something else than a note."""
    return is_counted(link, before) or is_whole_paragraph(link)


def _is_prose(element: Element) -> bool:
    """Whether it is a paragraph such as no list of contents has."""
    linked = any(local_name(e) == "a" for e in element.iter())
    return local_name(element) == "p" and not linked and len(own_text(element)) > _LONGEST_ENTRY


def _shows_media(embedded: Element) -> bool:
    """Whether it is a picture or sound, which is there in place of the words in it."""
    kind = embedded.get("type", "").lower().partition("/")[0]
    name = embedded.get("data", "").lower().partition("#")[0]
    return kind in _MEDIA or (not kind and name.endswith(_MEDIA_SUFFIXES))


def _hidden(element: Element) -> bool:
    return (
        element.get("hidden") is not None
        or element.get("popover") is not None
        or (element.get("aria-hidden", "").lower() == "true" and not _said_otherwise(element))
        or _INVISIBLE.search(element.get("style", "")) is not None
    )


def _said_otherwise(element: Element) -> bool:
    """Whether a screen reader says the same by a label or a picture's text, not read here.

    The first letter of a word is read as well: who hides it has it said in some way.
    """
    parent = element.getparent()
    labelled = parent is not None and local_name(parent) in _LABELLED and parent.get("aria-label")
    letter = own_text(element)
    initial = len(letter) == 1 and letter.isalpha() and begins_word(element.tail or "")
    return local_name(element) == "figcaption" or bool(labelled) or initial or _in_word(element)


def _in_word(element: Element) -> bool:
    """Whether it is of a word with a drop cap that is hidden as a whole, and that nobody says."""
    pieces = [element]
    while (before := _before(pieces[0])) is not None and len(pieces) < _MOST_PIECES:
        pieces.insert(0, before)
    while (after := pieces[-1].getnext()) is not None and len(pieces) < _MOST_PIECES:
        if pieces[-1].tail or not _is_hidden_piece(after):
            break
        pieces.append(after)
    word = "".join(map(own_text, pieces))
    texts = (str(text).strip() for text in pieces[0].itertext())
    begun = next(filter(None, texts), "")
    if len(begun) != 1 or begun == word or not word.isalpha() or not _is_hidden_piece(element):
        return False
    beside = chain(pieces[0].itersiblings(preceding=True), pieces[-1].itersiblings())
    return not any(own_text(e).lower() == word.lower() for e in islice(beside, _MOST_PIECES))


def _before(piece: Element) -> Element | None:
    """What is hidden directly before it."""
    before = piece.getprevious()
    return before if before is not None and not before.tail and _is_hidden_piece(before) else None


def _is_hidden_piece(element: Element) -> bool:
    return element.get("aria-hidden", "").lower() == "true" and local_name(element) in INLINE


def _by_class(element: Element, options: TextOptions) -> str | None:
    classes = set(element.get("class", "").lower().split())
    noted = classes & _SURE_NOTE_CLASSES or (
        classes & _NOTE_CLASSES and (_leads_back(element) or _follows_mark(element))
    )
    if noted and not options.notes:
        return "note"
    if classes & _MARGIN_CLASSES and _follows_toggle(element) and not options.notes:
        return "note"
    if _MARGIN_MARK in classes and local_name(element) == "label":
        return "note reference"
    if is_page_number(element, classes):
        return "page number"
    if classes & _LINE_NUMBER_CLASSES and own_text(element).replace(" ", "").isdigit():
        return "line number"
    return None


def _follows_toggle(element: Element) -> bool:
    before = element.getprevious()
    return before is not None and _MARGIN_MARK in before.get("class", "").lower().split()


def _follows_mark(element: Element) -> bool:
    """Whether a note stands within the text, directly behind its raised mark."""
    mark = element.getprevious()
    return mark is not None and not mark.tail and is_raised(mark, local_name(mark))


def _leads_back(element: Element) -> bool:
    """Whether a note, or a list of them, begins with its mark or ends with an arrow as a link.

    Without any link a number at its beginning is enough.
    """
    if local_name(element) not in NOTE_HOLDERS:
        return False
    links = [e for e in element.iter() if local_name(e) == "a" and e.get("href")]
    if not links:
        return _NUMBER_FIRST.match(own_text(element)) is not None
    is_list = not _NOTE_LISTS.isdisjoint(element.get("class", "").lower().split())
    # In a list of notes the way back may be called as what they are about: "John 3:16".
    leads_back = is_reference(links[0]) or (is_list and "#" in links[0].get("href", ""))
    if leads_back and nothing_before(links[0], element):
        return True
    arrow = own_text(links[-1])
    return arrow != "" and not arrow.strip(SYMBOLS) and own_text(element).endswith(arrow)
