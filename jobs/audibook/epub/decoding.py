"""From bytes to text: in the encoding they are in, whatever they say of themselves."""

from __future__ import annotations

import codecs
import re

from audibook.languages import base_language

__all__ = ["decode"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = (
    re.compile(rb"""^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.:-]+)["']"""),
    re.compile(rb"""<meta[^>]*\bcharset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE),
)
_HEAD_BYTES = 4096
# Letters that stand for others in codecs which are no character sets, such as utf-7.
_PLAIN = rb"<?xml \u0041+AEE-?>"
_WIDER = {
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
    **dict.fromkeys(("tis-620", "iso8859-11"), "cp874"),
    **dict.fromkeys(("gb2312", "gbk"), "gb18030"),
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What is in use under the name of a smaller character set, as browsers know it."""
_WORD = re.compile(rb"[A-Za-z\xc0-\xff]+")
_HEBREW_WORD = re.compile(rb"[\xc0-\xd4\xe0-\xfa]{2,}")
_MOST_WORDS = 0.9
_SEVERAL_BYTES = {"gb18030", "big5hkscs", "cp932", "cp949", "euc_jp", "johab"}
_BY_LANGUAGE = {
    **dict.fromkeys(("he", "yi"), "cp1255"),
    **dict.fromkeys(("ar", "fa", "ur"), "cp1256"),
    **dict.fromkeys(("ru", "uk", "bg", "be"), "cp1251"),
    **dict.fromkeys(("pl", "cs", "hu"), "cp1250"),
    "el": "cp1253",
    "tr": "cp1254",
    "th": "cp874",
    "ja": "cp932",
    "zh": "gb18030",
    "ko": "cp949",
}


def decode(data: bytes, language: str = "") -> str:
    """The document's text: by its byte order mark, as UTF-8, by its declaration, or by a guess.

    Text that is UTF-8 in spite of its declaration, or but for single bytes, is read as
    such. `language` is the book's; it decides the guess for text that declares nothing true.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    candidates = _declared(data)
    if b"\x00" in data[:4]:
        candidates.append("utf-16-be" if data[:1] == b"\x00" else "utf-16-le")
    elif not _SEVERAL_BYTES & set(candidates):
        text = data.decode("utf-8", "replace")
        if _is_utf8(text):
            return text
    candidates += ["utf-8", _guess(data, language)]
    for encoding in candidates:
        try:
            return data.decode(encoding)
        except UnicodeError:
            continue
    return data.decode("latin-1")


def _guess(data: bytes, language: str) -> str:
    """The encoding in which texts of this language are, where they do not say it."""
    encoding = _BY_LANGUAGE.get(base_language(language), "cp1252")
    if encoding == "cp1251":
        # Where the one has small letters the other one has capitals.
        letters = [c for c in data.decode(encoding, "replace") if c.isalpha() and not c.isascii()]
        if sum(c.isupper() for c in letters) * 2 > len(letters):
            return "koi8-u"
    if encoding == "cp1252" and _looks_hebrew(data):
        return "cp1255"
    return encoding


def _looks_hebrew(data: bytes) -> bool:
    """Whether bytes beyond ASCII make words by themselves, all of Hebrew letters and their points.

    Accented letters stand between others, and texts in Cyrillic or Greek have further ones.
    """
    words = [word for word in _WORD.findall(data) if not word.isascii()]
    hebrew = sum(_HEBREW_WORD.fullmatch(word) is not None for word in words)
    return len(words) > 1 and hebrew > len(words) * _MOST_WORDS


def _is_utf8(text: str) -> bool:
    """Whether text read as UTF-8 has some of its characters, and few places that are none."""
    strange = len(text) - len(text.encode("ascii", "ignore"))
    broken = text.count("\ufffd")
    return strange - broken > 2 * broken


def _declared(data: bytes) -> list[str]:
    """The encodings the document names, each after the wider one it may stand for."""
    head = data[:_HEAD_BYTES]
    encodings: list[str] = []
    for found in (pattern.search(head) for pattern in _DECLARED):
        name = _encoding(found.group(1).decode("ascii").lower()) if found else None
        if name is not None:
            encodings += [_WIDER[name], name] if name in _WIDER else [name]
    return encodings


def _encoding(label: str) -> str | None:
    """Python's name of an encoding in which the declaration can have been written."""
    if label in {"iso-8859-8-i", "iso-8859-8-e"}:  # which say how Hebrew is ordered
        label = "iso-8859-8"
    try:
        # bytes.decode refuses names which are no text encodings with a LookupError
        plain = _PLAIN.decode(label) == _PLAIN.decode("ascii")
        return codecs.lookup(label).name if plain else None
    except (LookupError, UnicodeError):
        return None
