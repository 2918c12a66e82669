"""From the bytes of a document to a tree of elements, whatever state it is in."""

from __future__ import annotations

import codecs
import re
from html.entities import html5

from lxml import etree

from audibook.errors import EpubError

__all__ = [
    "Element",
    "all_text",
    "attribute",
    "children",
    "decode",
    "local_name",
    "own_text",
    "parse",
]

Element = etree._Element

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
_BY_LANGUAGE = {
    "he": "cp1255",
    "yi": "cp1255",
    "ar": "cp1256",
    "fa": "cp1256",
    "ru": "cp1251",
    "uk": "cp1251",
    "bg": "cp1251",
    "el": "cp1253",
    "tr": "cp1254",
    "pl": "cp1250",
    "cs": "cp1250",
    "hu": "cp1250",
    "th": "cp874",
    "ja": "cp932",
    "zh": "gb18030",
    "ko": "cp949",
}

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_DOCTYPE_START = re.compile("<!DOCTYPE", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(r"&([A-Za-z][\w.-]*);")
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)/>")
_VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input"),
    *("link", "meta", "param", "source", "track", "wbr"),
}


def decode(data: bytes, language: str = "") -> str:
    """The document's text: by its byte order mark, its declaration, as UTF-8, or by a guess.

    `language` is the book's; it decides the guess for text that declares nothing true.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    candidates = [found.group(1).decode("ascii") for found in _declarations(data)]
    if b"\x00" in data[:4]:
        candidates.append("utf-16-be" if data[:1] == b"\x00" else "utf-16-le")
    candidates += ["utf-8", _BY_LANGUAGE.get(language.lower().partition("-")[0], "cp1252")]
    for encoding in candidates:
        try:
            # bytes.decode refuses names which are no text encodings with a LookupError
            return data.decode(encoding)
        except (LookupError, UnicodeError):
            continue
    return data.decode("latin-1")


def parse(data: bytes, name: str, language: str = "") -> Element:
    """The document's root element.

    Well-formed XML is read as such. Anything else is read by the rules of HTML, which
    keep the text of a document with unclosed or crossed tags. Entities are never
    expanded and nothing is fetched. Raises EpubError when nothing can be read.
    """
    text = decode(data, language)
    text = _without_doctype(_XML_DECLARATION.sub("", text))
    text = _ILLEGAL.sub("", _ENTITY.sub(_character, text)).strip()
    if not text:
        raise EpubError(f"{name!r} in the EPUB is empty.")
    try:
        return etree.fromstring(text.encode(), _xml_parser())
    except etree.XMLSyntaxError:
        pass  # read it as HTML below
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True)
    try:
        root: Element | None = etree.fromstring(
            _SELF_CLOSED.sub(_open_close, text).encode(), parser
        )
    except etree.XMLSyntaxError as error:
        raise EpubError(f"{name!r} in the EPUB cannot be read: {error.msg}.") from None
    if any("depth" in entry.message for entry in parser.error_log):
        raise EpubError(f"{name!r} in the EPUB nests its elements too deeply to be a book.")
    if root is None:
        raise EpubError(f"{name!r} in the EPUB holds no document.")
    return root


def local_name(element: Element) -> str:
    """The element's name in lower case without namespace or prefix."""
    tag: object = element.tag
    if not isinstance(tag, str):  # a comment or processing instruction
        return ""
    return tag.rpartition("}")[2].rpartition(":")[2].lower()


def attribute(element: Element, name: str) -> str:
    """The attribute's value, with or without a namespace or prefix; empty when missing."""
    value = element.get(name)
    if value is not None:
        return value
    for key, found in element.attrib.items():
        if str(key).rpartition("}")[2].rpartition(":")[2] == name:
            return str(found)
    return ""


def children(element: Element, name: str) -> list[Element]:
    """Direct children of this local name."""
    return [child for child in element if local_name(child) == name]


def own_text(element: Element) -> str:
    """All text inside the element, white space collapsed."""
    return " ".join(all_text(element).split())


def all_text(element: Element) -> str:
    """All text inside the element as it stands, comments left out."""
    parts = [element.text or ""] if local_name(element) else []
    for child in element.iterdescendants():
        if local_name(child):
            parts.append(child.text or "")
        parts.append(child.tail or "")
    return "".join(parts)


def _declarations(data: bytes) -> list[re.Match[bytes]]:
    head = data[:_HEAD_BYTES]
    return [found for pattern in _DECLARED if (found := pattern.search(head))]


def _xml_parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )


def _without_doctype(text: str) -> str:
    # Only the first is looked at: searching on from each of many open ones takes hours.
    start = _DOCTYPE_START.search(text)
    found = _DOCTYPE.match(text, start.start()) if start else None
    return text if found is None else text[: found.start()] + text[found.end() :]


def _character(found: re.Match[str]) -> str:
    name = found.group(1)
    if name in _XML_ENTITIES:
        return found.group()
    character = html5.get(f"{name};")
    return character if character and character not in "<&" else f"&amp;{name};"


def _open_close(found: re.Match[str]) -> str:
    name, rest = found.groups()
    return found.group() if name.lower() in _VOID else f"<{name}{rest}></{name}>"
