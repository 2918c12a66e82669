"""The named rules by which parts of a document are not read aloud."""

from __future__ import annotations

import re
import unicodedata

from .blocks import TextOptions
from .markup import Element, attribute, local_name, own_text

__all__ = [
    "HEADINGS",
    "NOTE_HOLDERS",
    "begins_word",
    "is_raised",
    "is_reference",
    "nothing_before",
    "removal_rule",
]

_BY_NAME = {
    **dict.fromkeys(("script", "style", "head", "template", "noscript"), "script"),
    **dict.fromkeys(("audio", "video", "iframe", "canvas"), "media fallback"),
    **dict.fromkeys(("input", "select", "textarea", "button", "datalist"), "form"),
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
}
_NOTE_CLASSES = {
    *("footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "fnote"),
    *("_idfootnote", "_idfootnotes", "_idendnote", "_idendnotes", "sdfootnote", "sdendnote"),
    *("msofootnotetext", "msoendnotetext"),
}
_NOTE_LISTS = {"footnotes", "endnotes", "rearnotes", "_idfootnotes", "_idendnotes"}
NOTE_HOLDERS = {"aside", "dd", "div", "dl", "li", "ol", "p", "section", "table"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_LABELLED = HEADINGS | {"p", "span", "strong", "em", "b", "i"}
_PAGE_NUMBER_CLASSES = {
    *("pagenum", "pageno", "pagenumber", "page-number", "page-num", "page_number", "pagebreak"),
}
_LINE_NUMBER_CLASSES = {
    *("lnum", "linenum", "linenumber", "line-number", "line-num", "lineno", "line-no", "ln"),
    "linenos",
}
_PAGE_NUMBER_ID = re.compile(r"(?:page|pg)[-_.]?0*(\d+|[ivxlc]+)", re.IGNORECASE)
_PAGE_NUMBER = re.compile(
    r"[\[({]?\s*(?:(?:pg|page|p)\b\.?)?\s*[\divxlc]+\s*[\])}]?", re.IGNORECASE
)
# EPUB 2 has running heads and feet of the printed page, which stand in no reader's text.
_INVISIBLE = re.compile(
    r"display\s*:\s*(?:none|oeb-page-(?:head|foot))|visibility\s*:\s*hidden", re.IGNORECASE
)

_ARROWS = "^↩↑←⏎⤴\ufe0e\ufe0f"
_SYMBOLS = f"*†‡§¶#{_ARROWS}"
_PLAIN_NUMBER = re.compile(r"\d{1,3}")
_ROMAN = "(?=[ivxlc])c{0,3}(?:x[cl]|l?x{0,3})(?:i[xv]|v?i{0,3})"
_BRACKETED = re.compile(rf"[\[(]\s*(?:\d{{1,4}}|{_ROMAN}|[a-z])\s*[\])]", re.IGNORECASE)
_IN_SUPERSCRIPT = re.compile(rf"[\[(]?\s*(?:\d{{1,4}}|[a-z]|[{_SYMBOLS}]+)\s*[\])]?", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,3}(?:\s?[,–-]\s?\d{1,3})+")
_LETTER = "[^\\W\\d_][\u0591-\u05c7\u064b-\u0652]*+"
_WORD_BEFORE = re.compile(
    rf"""(?:(?:{_LETTER}){{4}}|(?<!\d)(?:1[4-9]|20)\d\d|[.,;:!?…"'”’»)\]%。！？、」』）])$"""
)
_SHORT_WORD_BEFORE = re.compile(f"(?:{_LETTER}){{2}}$")
# "see chapter 7", "pages 12 and 14": the number is what the link leads to.
_COUNTED_BEFORE = re.compile(
    r"(?<!\w)(?:chapters?|sections?|parts?|pages?|figures?|tables?|volumes?|appendix|equations?|ch|"
    r"sect?|pp?|figs?|vols?|eq|kapitel|abschnitt|teil|seiten?|abbildung|tabelle|chapitre|figura|"
    r"cap[ií]tulo|глав[аеу]|פרק|פרקים|חלק|עמוד|עמודים|סעיף|איור|טבלה|כרך)\.?\s"
    r"(?:\d+(?:\s?[,–-]\s?|\s(?:and|or|to|und|et|y|и)\s|\s?ו-?))*$",
    re.IGNORECASE,
)
_POWERS = {"2", "3"}
_SUM_BEFORE = re.compile(
    r"\((?=[^()]*[a-z])(?:\d{0,3}[a-z]?)(?:\s?[-+−±·×*/]\s?\d{0,3}[a-z]?)+\)$", re.IGNORECASE
)
_LETTERS = {"a", "b", "c", "d"}  # a letter after a word is "e" or "t" in an abbreviation
_RAISED = re.compile(r"vertical-align\s*:\s*super", re.IGNORECASE)
_RAISED_CLASSES = {"sup", "super", "superscript"}


def removal_rule(element: Element, options: TextOptions, before: str) -> str | None:
    """The rule that leaves this element out with all it holds, or None.

    `before` is the text directly before the element in its block.
    """
    name = local_name(element)
    if name in options.exclude_elements:
        return "excluded element"
    if name in _BY_NAME and not (name == "note" and options.notes):
        return _BY_NAME[name]
    if not element.attrib and name != "sup":
        return None
    if _hidden(element):
        return "hidden"
    for kind in f"{attribute(element, 'type')} {attribute(element, 'role')}".split():
        rule = _BY_TYPE.get(kind.lower())
        if rule == "note" and options.notes:
            continue
        if rule is not None:
            return rule
    if name == "a" and is_reference(element) and not _is_counted(element, before):
        return "note reference"
    if is_raised(element, name) and _is_note_mark(element, before):
        return "note reference"
    return _by_class(element, options)


def _hidden(element: Element) -> bool:
    return (
        element.get("hidden") is not None
        or (element.get("aria-hidden", "").lower() == "true" and not _said_otherwise(element))
        or _INVISIBLE.search(element.get("style", "")) is not None
    )


def _said_otherwise(element: Element) -> bool:
    """Whether a screen reader says the same by a label or a picture's text, not read here."""
    parent = element.getparent()
    labelled = parent is not None and local_name(parent) in _LABELLED and parent.get("aria-label")
    return local_name(element) == "figcaption" or bool(labelled)


def _by_class(element: Element, options: TextOptions) -> str | None:
    classes = set(element.get("class", "").lower().split())
    if classes & _NOTE_CLASSES and not options.notes and _leads_back(element):
        return "note"
    if classes & _PAGE_NUMBER_CLASSES and _PAGE_NUMBER.fullmatch(own_text(element)):
        return "page number"
    place = _PAGE_NUMBER_ID.fullmatch(element.get("id", ""))
    if place is not None and local_name(element) in {"a", "span"}:
        text = own_text(element)
        number = text.lower().strip("[](){} .page")
        if number == place.group(1).lower() and _PAGE_NUMBER.fullmatch(text):
            return "page number"
    if classes & _LINE_NUMBER_CLASSES and own_text(element).replace(" ", "").isdigit():
        return "line number"
    return None


def _leads_back(element: Element) -> bool:
    """Whether a note, or a list of them, begins with its mark or ends with an arrow as a link."""
    if local_name(element) not in NOTE_HOLDERS:
        return False
    links = [e for e in element.iter() if local_name(e) == "a" and e.get("href")]
    if not links:
        return False
    is_list = not _NOTE_LISTS.isdisjoint(element.get("class", "").lower().split())
    # In a list of notes the way back may be called as what they are about: "John 3:16".
    leads_back = is_reference(links[0]) or (is_list and "#" in links[0].get("href", ""))
    if leads_back and nothing_before(links[0], element):
        return True
    arrow = own_text(links[-1])
    return arrow != "" and not arrow.strip(_SYMBOLS) and own_text(element).endswith(arrow)


def nothing_before(link: Element, element: Element) -> bool:
    """Whether the element's text begins with the link, but for headings and brackets."""
    around = set(link.iterancestors())
    for part in element.iter():
        if part is link:
            return True
        text = "" if local_name(part) in HEADINGS | {""} else part.text or ""
        tail = "" if part in around else part.tail or ""
        if (text + tail).strip("[( \n\t\r\xa0"):
            return False
    return False


def is_reference(link: Element) -> bool:
    """Whether a link is the mark of a note: "7" or "[7]" or "*", but not the year "1984"."""
    text = own_text(link)
    if not text:
        return False
    href = link.get("href")
    if href is not None and "#" not in href:
        return False
    if all(character in _SYMBOLS for character in text):
        return True
    if _is_whole_heading(link, text):
        return False
    text = text.strip(f"{_ARROWS} ")
    if _PLAIN_NUMBER.fullmatch(text) or _BRACKETED.fullmatch(text):
        return True
    raised = "".join(own_text(e) for e in link.iter() if local_name(e) == "sup")
    return raised == text and _IN_SUPERSCRIPT.fullmatch(text) is not None


def _is_counted(link: Element, before: str) -> bool:
    """Whether the link is the number of what stands before it: a chapter, a page, a figure."""
    raised = any(local_name(e) == "sup" for e in link.iter())
    return own_text(link).isdigit() and not raised and _COUNTED_BEFORE.search(before) is not None


def _is_whole_heading(link: Element, text: str) -> bool:
    """Whether a chapter is called by this number: a heading that leads back to the contents."""
    heading = next((e for e in link.iterancestors() if local_name(e) in HEADINGS), None)
    return heading is not None and own_text(heading) == text


def is_raised(element: Element, name: str) -> bool:
    """Whether the element, of this name, is a superscript, made by `sup` or by its looks."""
    return name == "sup" or (
        name == "span"
        and (
            _RAISED.search(element.get("style", "")) is not None
            or not _RAISED_CLASSES.isdisjoint(element.get("class", "").lower().split())
        )
    )


def _is_note_mark(raised: Element, before: str) -> bool:
    """Whether a superscript is the mark of a note: not the 2 of "km2", nor the st of "1st"."""
    text = own_text(raised)
    several = _NUMBERS.fullmatch(text) is not None
    if not several and not _IN_SUPERSCRIPT.fullmatch(text):
        return False
    if any(local_name(e) == "a" and "#" in e.get("href", "#") for e in raised.iter()):
        return True
    if all(character in _SYMBOLS for character in text):
        return True
    if several:
        return _WORD_BEFORE.search(before) is not None
    number = text.strip("[]() ")
    if begins_word(raised.tail) or not (number.isdigit() or number in _LETTERS):
        return False
    if number.isdigit() and _SUM_BEFORE.search(before):
        return False
    short = number.isdigit() and number not in _POWERS and _SHORT_WORD_BEFORE.search(before)
    return bool(short or _WORD_BEFORE.search(before))


def begins_word(text: str | None) -> bool:
    """Whether a word begins here: what stands directly before it is its number or its initial.

    Not said of East Asian letters, before which there is never a space.
    """
    letter = (text or "")[:1]
    return letter.isalpha() and unicodedata.east_asian_width(letter) not in {"W", "F"}
