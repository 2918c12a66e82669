"""What the marks of notes look like, as links and as raised numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from .blocks import HEADINGS
from .markup import Element, all_text, local_name, own_text, says_only, text_after

__all__ = [
    "ARROWS",
    "BRACKETS",
    "SYMBOLS",
    "begins_word",
    "is_counted",
    "is_note_mark",
    "is_raised",
    "is_reference",
    "is_whole_heading",
    "is_whole_paragraph",
    "is_words",
    "nothing_before",
    "text_before",
]

ARROWS = "^↩↑←↵⏎⤴⤶⇑⬆↖▲\ufe0e\ufe0f"
SYMBOLS = f"*＊∗⁎⁑⁕٭†‡✝§¶❡#※◎☆★•◆{ARROWS}"
BRACKETS = {"[": "]", "(": ")", "{": "}", "〔": "〕", "［": "］", "（": "）", "【": "】"}
"""What stands around marks of notes, in the scripts of books."""
_OPENING, _CLOSING = re.escape("".join(BRACKETS)), re.escape("".join(BRACKETS.values()))
# East Asian books number notes by ①, ※1, 注1; a plain one or two letters are Hebrew numbers.
_SIGN = "[①-⑳㉑-㉟❶-❿]|[⁰¹²³⁴-⁹]{1,3}|(?:[注註]|※)\\s?\\d{0,3}"
_HEBREW_NUMBER = re.compile("[א-ת]{1,2}")
_SIGNED_NUMBER = f"[{SYMBOLS}]\\d{{1,3}}|\\d{{1,3}}[{SYMBOLS}]"
_PLAIN_NUMBER = re.compile(rf"\d{{1,3}}[)）]?|{_SIGN}|{_SIGNED_NUMBER}")
_NUMBERED_NOTE = "(?:n|nt|fn|note|footnote|endnote|anm|הערה)\\.?\\s?\\d{1,3}"
_ROMAN = "(?=[ivxlc])c{0,3}(?:x[cl]|l?x{0,3})(?:i[xv]|v?i{0,3})"
_SEVERAL = r"\d{1,3}(?:\s?[,–-]\s?\d{1,3})+"
_NUMBERS = re.compile(_SEVERAL)
_BRACKETED = re.compile(
    rf"[{_OPENING}]\s*(?:\d{{1,4}}|{_ROMAN}|[a-z]|{_HEBREW_NUMBER.pattern}|{_SIGN}|[{SYMBOLS}]+|"
    rf"{_SEVERAL}|{_NUMBERED_NOTE})\s*[{_CLOSING}]",
    re.IGNORECASE,
)
_SHORT = rf"\d{{1,4}}|[a-z]|{_HEBREW_NUMBER.pattern}|{_SIGN}|{_SIGNED_NUMBER}|[{SYMBOLS}]+"
_IN_SUPERSCRIPT = re.compile(rf"[{_OPENING}]?\s*(?:{_SHORT})\s*[{_CLOSING}]?", re.IGNORECASE)
_LINKED_SUPERSCRIPT = re.compile(
    rf"[{_OPENING}]?\s*(?:{_SHORT}|{_ROMAN}|{_SEVERAL}|\d{{1,3}}[a-z]|{_NUMBERED_NOTE})"
    rf"\.?\s*[{_CLOSING}]?",
    re.IGNORECASE,
)
_LETTER = "[^\\W\\d_][\u0591-\u05c7\u064b-\u0652]*+"
_WORD_BEFORE = re.compile(
    rf"""(?:(?:{_LETTER}){{4}}|(?<!\d)(?:1[4-9]|20)\d\d|[.,;:!?…"'”’»)\]%。！？、」』）])$"""
)
_SHORT_WORD_BEFORE = re.compile(f"(?:{_LETTER}){{2}}$")
_EAST_ASIAN_BEFORE = re.compile("(?<!\\d)[\u3040-\u30ff\u3400-\u9fff]{2}$")
# "see chapter 7", "pages 12 and 14", "turn to 9": the number is what the link leads to.
_COUNTED = {
    *("chapter", "chapters", "section", "sections", "part", "parts", "page", "pages", "figure"),
    *("figures", "table", "tables", "volume", "volumes", "appendix", "equation", "equations"),
    *("ch", "sec", "sect", "p", "pp", "fig", "figs", "vol", "vols", "eq", "no", "nos", "nr"),
    *("act", "scene", "book", "canto", "psalm", "psalms", "verse", "verses", "letter", "plate"),
    *("plates", "map", "maps", "box", "unit", "lesson", "day", "step", "steps", "rule"),
    *("exercise", "exercises", "question", "questions", "problem", "problems", "example"),
    *("examples", "theorem", "lemma", "listing", "turn to", "go to", "return to", "proceed to"),
    *("kapitel", "abschnitt", "teil", "seite", "seiten", "abbildung", "tabelle", "aufgabe"),
    *("frage", "chapitre", "partie", "figura", "capitulo", "capítulo", "página", "páginas"),
    *("exercice", "rendez-vous au", "глава", "главе", "главу", "рис", "табл", "стр", "часть"),
    *("פרק", "פרקים", "חלק", "עמוד", "עמודים", "סעיף", "איור", "טבלה", "כרך", "תרגיל", "שאלה"),
    *("שיעור", "סימן", "פסוק", "הלכה", "משנה", "דף", "עברו לקטע"),
}
_COUNTED_BEFORE = re.compile(
    rf"(?<!\w)(?:{'|'.join(sorted(_COUNTED))})\.?\s"
    r"(?:\d+(?:\s?[,–-]\s?|\s(?:and|or|to|und|et|y|и)\s|\s?ו-?))*$",
    re.IGNORECASE,
)
_WORD = re.compile(f"(?:{_LETTER}){{3}}|[\u3040-\u30ff\u3400-\u9fff]{{2}}")
_ABOUT_NOTES = re.compile(
    rf"not[ae]|\bref|anm|fußn|przyp|pozn|сноск|прим|הער|حاشية|هامش|[注註]|^{_ROMAN}$",
    re.IGNORECASE,
)
# "D.<sup>a</sup>" is Doña, "1.<sup>a</sup>" primera.
_SHORTENED_BEFORE = re.compile(r"(?<!\w)(?:[A-Z]r?|\d{1,2})\.$")
_POWERS = {"2", "3"}
_UNIT_BEFORE = re.compile(
    r"\d[\w\s.,/]*?(?:met(?:re|er)s?|feet|foot|inch(?:es)?|yards?|miles?|seconds?|מטרים|מטר)$",
    re.IGNORECASE,
)
_SUM_BEFORE = re.compile(
    r"\((?=[^()]*[a-z])(?:\d{0,3}[a-z]?)(?:\s?[-+−±·×*/]\s?\d{0,3}[a-z]?)+\)$", re.IGNORECASE
)
_FRACTION = {"/", "⁄"}
_FIRST_LETTERS = {"a", "b", "c"}  # others end a shortened word: "receiv<sup>d</sup>"
_FAR = 60
"""Elements back to the letter of the note before."""
_RAISED = re.compile(
    r"vertical-align\s*:\s*(?:super|text-top|\+?[\d.]*[1-9])|font-variant-position\s*:\s*super|"
    r"(?<![\w-])(?:top\s*:\s*-|bottom\s*:\s*\+?)[\d.]*[1-9]",
    re.IGNORECASE,
)
_RAISED_NAMES = {"a", "font", "small", "span"}
_RAISED_CLASSES = {"sup", "super", "superscript"}


def nothing_before(link: Element, element: Element) -> bool:
    """Whether the element's text begins with the link, but for headings in it, brackets, arrows."""
    around = set(link.iterancestors())
    for part in element.iter():
        if part is link:
            return True
        heading = local_name(part) in HEADINGS and part is not element
        text = "" if heading or not local_name(part) else part.text or ""
        tail = "" if part in around else part.tail or ""
        if (text + tail).strip(f"{''.join(BRACKETS)}{ARROWS} \n\t\r\xa0"):
            return False
    return False


def text_before(link: Element, text: Element) -> str:
    """The piece of text that stands directly before the element, in the element `text`."""
    element: Element | None = link
    while element is not None and element is not text:
        before, parent = element.getprevious(), element.getparent()
        if before is not None:
            found = before.tail or all_text(before)
        else:
            found = (parent.text or "") if parent is not None else ""
        if found:
            return found
        element = parent if before is None else before
    return ""


def is_reference(link: Element) -> bool:
    """Whether a link is the mark of a note: "7" or "[7]" or "*", but not the year "1984"."""
    text = own_text(link)
    if not text:
        return False
    href = link.get("href")
    if href is not None and "#" not in href:
        return False
    if all(character in SYMBOLS for character in text):
        return True
    if is_whole_heading(link):
        return False
    text = text.strip(f"{ARROWS} ")
    if _PLAIN_NUMBER.fullmatch(text) or _BRACKETED.fullmatch(text):
        return True
    around = (*link.iter(), *islice(link.iterancestors(), 1))
    raised = any(is_raised(e, local_name(e)) and own_text(e) == own_text(link) for e in around)
    return raised and _LINKED_SUPERSCRIPT.fullmatch(text) is not None


def is_counted(link: Element, before: str) -> bool:
    """Whether the link is the number of what stands before it: a chapter, a page, a figure."""
    raised = any(is_raised(e, local_name(e)) for e in link.iter())
    return own_text(link).isdigit() and not raised and _COUNTED_BEFORE.search(before) is not None


def is_whole_heading(link: Element) -> bool:
    """Whether a chapter is called so: a heading that leads back to the contents."""
    heading = next((e for e in link.iterancestors() if local_name(e) in HEADINGS), None)
    return heading is not None and says_only(heading, own_text(link))


def is_whole_paragraph(link: Element) -> bool:
    """Whether a number stands alone, as that of a chapter does which leads to the contents."""
    text = own_text(link)
    around = next((e for e in link.iterancestors() if local_name(e) in {"p", "div"}), None)
    if around is None or not text.isdigit() or not says_only(around, text):
        return False
    if any(local_name(e) in {"dd", "dt", "li", "td"} for e in around.iterancestors()):
        return False  # the number of an explanation or a note
    return not any(is_raised(e, local_name(e)) for e in around.iter())


def is_words(link: Element) -> bool:
    """Whether words of the text lead to a note: "photosynthesis", but not "Note 3" or "xiv"."""
    text = own_text(link)
    if text[:1] in BRACKETS or not _WORD.search(text) or _ABOUT_NOTES.search(text):
        return False
    around = (*link.iter(), *islice(link.iterancestors(), 1))
    return not any(is_raised(e, local_name(e)) for e in around)


def is_raised(element: Element, name: str) -> bool:
    """Whether the element, of this name, is a superscript, made by `sup` or by its looks."""
    return name == "sup" or (
        name in _RAISED_NAMES
        and (
            _RAISED.search(element.get("style", "")) is not None
            or not _RAISED_CLASSES.isdisjoint(element.get("class", "").lower().split())
        )
    )


def is_note_mark(raised: Element, before: str) -> bool:
    """Whether a superscript is the mark of a note: not the 2 of "km2", nor the st of "1st"."""
    text = own_text(raised)
    links = [e.get("href", "#") for e in raised.iter() if local_name(e) == "a"]
    if any("#" in link[:-1] for link in links) and _LINKED_SUPERSCRIPT.fullmatch(text):
        return True
    several = _NUMBERS.fullmatch(text) is not None
    if not several and not _IN_SUPERSCRIPT.fullmatch(text):
        return _BRACKETED.fullmatch(text) is not None and _WORD_BEFORE.search(before) is not None
    if any("#" in link for link in links):
        return True
    if all(character in SYMBOLS for character in text):
        return True
    if several:
        return _WORD_BEFORE.search(before) is not None
    number = text.strip(f"{''.join(BRACKETS)}{''.join(BRACKETS.values())} ")
    following = text_after(raised)
    if following[:1] in _FRACTION or (number == "a" and _SHORTENED_BEFORE.search(before)):
        return False
    if begins_word(following) or (number.isalpha() and not _is_letter_of_note(number, raised)):
        return False
    if number.isdigit() and _SUM_BEFORE.search(before):
        return False
    if number in _POWERS and _UNIT_BEFORE.search(before):
        return False
    short = (
        number not in _POWERS and not ("a" <= number <= "z") and _SHORT_WORD_BEFORE.search(before)
    )
    return bool(short or _EAST_ASIAN_BEFORE.search(before) or _WORD_BEFORE.search(before))


def _is_letter_of_note(letter: str, raised: Element) -> bool:
    """Whether notes are counted by it: a first letter, or the one after that of a mark before."""
    if letter in _FIRST_LETTERS or _HEBREW_NUMBER.fullmatch(letter):
        return True
    parts = (part for e in (raised, *raised.iterancestors()) for part in _before(e))
    following = (local_name(e) == "sup" and own_text(e) == chr(ord(letter) - 1) for e in parts)
    return "d" <= letter <= "z" and any(islice(following, _FAR))


def _before(element: Element) -> Iterator[Element]:
    for sibling in element.itersiblings(preceding=True):
        yield from sibling.iter()


def begins_word(text: str) -> bool:
    """Whether a word begins here: what stands directly before it is its number or its initial.

    Not said of East Asian letters, before which there is never a space.
    """
    letter = text[:1]
    return letter.isalpha() and unicodedata.east_asian_width(letter) not in {"W", "F"}
