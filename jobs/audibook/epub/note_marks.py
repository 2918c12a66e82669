"""What the marks of notes look like, as links and as raised numbers."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

from .blocks import HEADINGS
from .markup import Element, local_name, own_text, text_after

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
    "is_words",
    "nothing_before",
]

ARROWS = "^↩↑←↵⏎⤴⤶⇑⬆↖▲\ufe0e\ufe0f"
SYMBOLS = f"*†‡§¶#※◎{ARROWS}"
BRACKETS = {"[": "]", "(": ")", "〔": "〕", "［": "］", "（": "）", "【": "】"}
"""What stands around marks of notes, in the scripts of books."""
_OPENING, _CLOSING = re.escape("".join(BRACKETS)), re.escape("".join(BRACKETS.values()))
# East Asian books number notes by ①, ※1, 注1; a plain one or two letters are Hebrew numbers.
_SIGN = "[①-⑳㉑-㉟❶-❿]|[⁰¹²³⁴-⁹]{1,3}|(?:[注註]|※)\\s?\\d{0,3}"
_HEBREW_NUMBER = re.compile("[א-ת]{1,2}")
_PLAIN_NUMBER = re.compile(rf"\d{{1,3}}|{_SIGN}")
_ROMAN = "(?=[ivxlc])c{0,3}(?:x[cl]|l?x{0,3})(?:i[xv]|v?i{0,3})"
_BRACKETED = re.compile(
    rf"[{_OPENING}]\s*(?:\d{{1,4}}|{_ROMAN}|[a-z]|{_HEBREW_NUMBER.pattern}|{_SIGN})\s*[{_CLOSING}]",
    re.IGNORECASE,
)
_IN_SUPERSCRIPT = re.compile(
    rf"[{_OPENING}]?\s*(?:\d{{1,4}}|[a-z]|{_HEBREW_NUMBER.pattern}|{_SIGN}|[{SYMBOLS}]+)"
    rf"\s*[{_CLOSING}]?",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"\d{1,3}(?:\s?[,–-]\s?\d{1,3})+")
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
_LETTERS = {"a", "b", "c", "d"}  # a letter after a word is "e" or "t" in an abbreviation
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
    raised = any(is_raised(e, local_name(e)) and own_text(e) == text for e in link.iter())
    return raised and _IN_SUPERSCRIPT.fullmatch(text) is not None


def is_counted(link: Element, before: str) -> bool:
    """Whether the link is the number of what stands before it: a chapter, a page, a figure."""
    raised = any(is_raised(e, local_name(e)) for e in link.iter())
    return own_text(link).isdigit() and not raised and _COUNTED_BEFORE.search(before) is not None


def is_whole_heading(link: Element) -> bool:
    """Whether a chapter is called so: a heading that leads back to the contents."""
    heading = next((e for e in link.iterancestors() if local_name(e) in HEADINGS), None)
    return heading is not None and own_text(heading) == own_text(link)


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
    several = _NUMBERS.fullmatch(text) is not None
    if not several and not _IN_SUPERSCRIPT.fullmatch(text):
        return False
    if any(local_name(e) == "a" and "#" in e.get("href", "#") for e in raised.iter()):
        return True
    if all(character in SYMBOLS for character in text):
        return True
    if several:
        return _WORD_BEFORE.search(before) is not None
    number = text.strip(f"{''.join(BRACKETS)}{''.join(BRACKETS.values())} ")
    following = text_after(raised)
    if following[:1] in _FRACTION or (number == "a" and _SHORTENED_BEFORE.search(before)):
        return False
    if begins_word(following) or (number.isalpha() and not _is_letter_of_note(number)):
        return False
    if number.isdigit() and _SUM_BEFORE.search(before):
        return False
    if number in _POWERS and _UNIT_BEFORE.search(before):
        return False
    short = number not in _POWERS | _LETTERS and _SHORT_WORD_BEFORE.search(before)
    return bool(short or _EAST_ASIAN_BEFORE.search(before) or _WORD_BEFORE.search(before))


def _is_letter_of_note(letter: str) -> bool:
    return letter in _LETTERS or _HEBREW_NUMBER.fullmatch(letter) is not None


def begins_word(text: str) -> bool:
    """Whether a word begins here: what stands directly before it is its number or its initial.

    Not said of East Asian letters, before which there is never a space.
    """
    letter = text[:1]
    return letter.isalpha() and unicodedata.east_asian_width(letter) not in {"W", "F"}
