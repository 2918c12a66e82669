"""From the bytes of a document to a tree of elements, whatever state it is in."""

from __future__ import annotations

import re
import sys
from html import escape
from html.entities import html5

from lxml import etree

from audibook.errors import EpubError

from .decoding import decode

__all__ = [
    "INLINE",
    "Element",
    "EmptyDocumentError",
    "all_text",
    "attribute",
    "children",
    "local_name",
    "own_text",
    "parse",
    "says_only",
    "text_after",
]

Element = etree._Element

INLINE = {
    *("a", "abbr", "b", "big", "cite", "em", "font", "i", "label", "q", "small", "span", "strong"),
    *("u", "var"),
}
"""Elements that are part of a line of text."""


class EmptyDocumentError(EpubError):
    """A file of the book in which nothing stands."""


_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# Of the bytes of anything but text about one in ten is a control character.
_BINARY_SHARE = 0.05
_DOCTYPE_START = re.compile("<!DOCTYPE", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_ENTITY = re.compile(r"&([A-Za-z][\w.-]*);")
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_NUMBERED = re.compile("&#(?:[xX]([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Characters of Windows that were taken for those of ISO 8859-1, as browsers read them.
_WINDOWS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_CONTROLS = re.compile("[\x80-\x84\x86-\x9f]")  # the one left out is a line end
_SELF_CLOSED = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s[^<>]*?)?)/>")
_VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input"),
    *("link", "meta", "param", "source", "track", "wbr"),
}


def parse(data: bytes, name: str, language: str = "") -> Element:
    """The document's root element.

    Well-formed XML is read as such. Anything else is read by the rules of HTML, which
    keep the text of a document with unclosed or crossed tags. Entities are never
    expanded and nothing is fetched. Raises EpubError when nothing can be read,
    EmptyDocumentError when there is nothing.
    """
    text = decode(data, language)
    text = _without_doctype(_XML_DECLARATION.sub("", text))
    text = _NUMBERED.sub(_numbered_character, _ENTITY.sub(_character, text))
    text = _CONTROLS.sub(lambda found: _WINDOWS[ord(found.group())], text)
    illegal = _ILLEGAL.findall(text)
    if len(illegal) - illegal.count("\x00") > len(text) * _BINARY_SHARE:
        raise EpubError(
            f"{name!r} in the EPUB holds no text but other data: it is encrypted or damaged; "
            "upload an unprotected copy."
        )
    text = _ILLEGAL.sub("", text).strip()
    if not text:
        raise EmptyDocumentError(f"{name!r} in the EPUB is empty.")
    try:
        return etree.fromstring(text.encode(), _xml_parser())
    except etree.XMLSyntaxError:
        pass  # read it as HTML below
    text = _with_cdata_as_text(text)
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True)
    try:
        root: Element | None = etree.fromstring(
            _SELF_CLOSED.sub(_open_close, text).encode(), parser
        )
    except etree.XMLSyntaxError as error:
        raise EpubError(f"{name!r} in the EPUB cannot be read: {error.msg}.") from None
    exceeded = [
        e.message for e in parser.error_log if e.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT
    ]
    if any("depth" in message for message in exceeded):
        raise EpubError(f"{name!r} in the EPUB nests its elements too deeply to be a book.")
    if exceeded:
        raise EpubError(
            f"{name!r} in the EPUB has more than ten million characters in one piece of text: "
            "divide it into paragraphs."
        )
    if root is None:
        raise EmptyDocumentError(f"{name!r} in the EPUB holds no document.")
    # What stands below the end of one document, such as another one, is text as well.
    root.extend(list(root.itersiblings()))
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
    return "".join(map(str, element.itertext())) if local_name(element) else ""


def says_only(element: Element, text: str) -> bool:
    """Whether this is all text inside the element, white space collapsed; reads no further."""
    found = ""
    for part in element.itertext():
        found += str(part)
        if len(" ".join(found.split())) > len(text):
            return False
    return " ".join(found.split()) == text


def text_after(element: Element) -> str:
    """The text directly after the element, also where it ends an inline element around it."""
    parent = element.getparent()
    while not element.tail and parent is not None and local_name(parent) in INLINE:
        if parent[-1] is not element:
            break
        element, parent = parent, parent.getparent()
    return element.tail or ""


def _xml_parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )


def _without_doctype(text: str) -> str:
    # Only the first is looked at: searching on from each of many open ones takes hours.
    start = _DOCTYPE_START.search(text)
    found = _DOCTYPE.match(text, start.start()) if start else None
    return text if found is None else text[: found.start()] + text[found.end() :]


def _with_cdata_as_text(text: str) -> str:
    """With what is a comment in HTML, and text in XML, as text."""
    parts: list[str] = []
    start = 0
    while (opened := text.find(_CDATA, start)) >= 0:
        closed = text.find(_CDATA_END, opened)
        if closed < 0:
            break
        parts += [text[start:opened], escape(text[opened + len(_CDATA) : closed], quote=False)]
        start = closed + len(_CDATA_END)
    return "".join([*parts, text[start:]])


def _character(found: re.Match[str]) -> str:
    name = found.group(1)
    if name in _XML_ENTITIES:
        return found.group()
    character = html5.get(f"{name};")
    return escape(character, quote=False) if character else f"&amp;{name};"


def _numbered_character(found: re.Match[str]) -> str:
    code = int(found.group(1), 16) if found.group(1) else int(found.group(2))
    if code in _WINDOWS:
        return _WINDOWS[code]
    legal = code <= sys.maxunicode and not _ILLEGAL.match(chr(code))
    return found.group() if legal else ""


def _open_close(found: re.Match[str]) -> str:
    name, rest = found.groups()
    return found.group() if name.lower() in _VOID else f"<{name}{rest}></{name}>"
