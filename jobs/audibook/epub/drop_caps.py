"""First letters of chapters that stand in blocks of their own, put back to their words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Set
from itertools import islice

from .markup import INLINE, Element, attribute, local_name, own_text
from .pictures import shown_letter

__all__ = ["join_drop_caps"]

_HOLDERS = {"p", "div", "figure", "td"}
_OTHERS = _HOLDERS | {"a", "b", "big", "em", "font", "i", "img", "small", "span", "strong"}
_PARAGRAPHS = {"p", "div", "blockquote", "section"}
_LETTER = re.compile("[\"'“”„«‘’»]?[^\\W\\d_][\u0591-\u05c7\u064b-\u0652]*[’']?")
_NAMED = re.compile(
    r"(?<![a-z])(?:drop|dropped|raised)[-_]?(?:cap|letter|initial)|initial|lettrine|"
    r"first[-_]?letter|versal",
    re.IGNORECASE,
)
_FLOAT = re.compile(r"float\s*:\s*(?:left|right)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_ONE_LETTER_WORDS = set("aioyeuàóвикосуя")
"""Which begin a sentence as often as a longer word: "A soldier", but "A" "ll day"."""
_MOST_PARTS = 5
"""Elements around a letter, less one."""
_MOST_BETWEEN = 3
"""Empty elements between the letter and its word."""


def join_drop_caps(root: Element) -> None:
    """Move each letter that stands alone, and says that it is a drop cap, to its word.

    The word is in the next paragraph, or behind white space in the same.

    It says so by its class or a float, or is a picture. What only floats, or may be a word of its
    own, is moved where the document has the whole word elsewhere.
    """
    words: set[str] = set()

    def known() -> set[str]:
        if not words:
            words.update(w.lower() for w in _WORD.findall(" ".join(map(str, root.itertext()))))
        return words

    for cap, initial, following_it in _parted_by_space(root):
        if _belongs(initial, following_it, known(), sure=_is_named(cap)):
            cap.tail = ""
    for holder in [e for e in root.iter() if local_name(e) in _HOLDERS]:
        letter = _letter(holder)
        following = _following(holder) if letter else None
        if not letter or following is None:
            continue
        first = next((e for e in following.iter() if (e.text or "").strip()), following)
        text = (first.text or "").lstrip()
        rest = _WORD.match(text)
        sure = any(_is_named(e) or local_name(e) == "img" for e in holder.iter())
        if rest is None or not _belongs(letter, rest.group(), known(), sure=sure):
            continue
        first.text = letter + text
        for part in list(holder):
            holder.remove(part)
        holder.text = None


def _parted_by_space(root: Element) -> Iterator[tuple[Element, str, str]]:
    """Each letter in a line with nothing but white space before the rest of its word.

    As tools that indent the source put it there: the element it is, the letter, and the rest.
    """
    for element in root.iter():
        if local_name(element) not in INLINE or not (element.tail or "").isspace():
            continue
        following = element.getnext()
        if following is None or local_name(following) not in INLINE:
            continue
        letter, rest = own_text(element), _WORD.match(own_text(following))
        if _LETTER.fullmatch(letter) and rest and (_is_named(element) or _floats(element)):
            yield element, letter, rest.group()


def _letter(holder: Element) -> str:
    """The drop cap that is all the element holds, else nothing."""
    parts = list(islice(holder.iter(), _MOST_PARTS))
    if len(parts) == _MOST_PARTS or any(local_name(e) not in _OTHERS for e in parts):
        return ""
    pictures = [shown_letter(e) for e in parts if local_name(e) == "img"]
    if not pictures and not any(map(_is_named, parts)) and not any(map(_floats, parts)):
        return ""
    letter = own_text(holder)
    if pictures:
        letter = "" if letter or len(pictures) > 1 else pictures[0]
    alone = _LETTER.fullmatch(letter) is not None and letter == letter.upper()
    wide = any(unicodedata.east_asian_width(c) == "W" for c in letter)
    return letter if alone and not wide else ""


def _is_named(element: Element) -> bool:
    return _NAMED.search(f"{element.get('class', '')} {attribute(element, 'type')}") is not None


def _floats(element: Element) -> bool:
    return _FLOAT.search(element.get("style", "")) is not None


def _following(holder: Element) -> Element | None:
    """The paragraph behind the letter, of which it is the first."""
    if (holder.tail or "").strip():
        return None
    for number, element in enumerate(_behind(holder)):
        if own_text(element) and local_name(element) in _PARAGRAPHS:
            return element
        if own_text(element) or number == _MOST_BETWEEN or (element.tail or "").strip():
            break
    return None


def _behind(holder: Element) -> Iterator[Element]:
    """What follows the letter, or what holds nothing but the letter."""
    around = holder.getparent()
    while around is not None and local_name(around) == "div" and holder.getnext() is None:
        if own_text(around) != own_text(holder):
            return
        holder, around = around, around.getparent()
    yield from holder.itersiblings()


def _belongs(letter: str, rest: str, words: Set[str], *, sure: bool) -> bool:
    """Whether letter and rest make one word: "T" and "he", or "HE" in capitals."""
    if rest[0].isupper() and not rest.isupper():
        return False
    bare = letter.strip("\"'“”„«‘’»").lower()
    return (sure and bare not in _ONE_LETTER_WORDS) or bare + rest.lower() in words
