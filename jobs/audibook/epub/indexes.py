"""Indexes at the end of a book: names and terms with the numbers of their pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from .blocks import DocumentText
from .markup import Element, local_name, own_text

__all__ = ["INDEX_TYPES", "holds_prose", "is_index_page"]

INDEX_TYPES = {"index", "doc-index"}
_TITLES = {
    *("index", "general index", "subject index", "name index", "index of names", "genindex"),
    *("register", "sachregister", "personenregister", "namenregister", "stichwortverzeichnis"),
    *(
        "index des noms",
        "index général",
        "índice onomástico",
        "índice analítico",
        "índice remissivo",
    ),
    *("indice analitico", "indice dei nomi", "skorowidz", "indeks", "rejstřík", "tárgymutató"),
    *("указатель", "предметный указатель", "именной указатель", "алфавитный указатель"),
    *("מפתח", "מפתח שמות", "מפתח עניינים", "مفتاح", "索引"),
}
_FEWEST_LINKS = 5
_HOLDERS = {"dd", "li", "p"}
_PROSE = re.compile(r"\D{400}")
"""So many characters without a number stand in no entry."""


def holds_prose(element: Element) -> bool:
    """Whether something in it is a paragraph such as no index has: long, without links, numbers."""
    return any(map(_is_prose, element.iter()))


def is_index_page(root: Element, text: DocumentText, *, declared: bool) -> bool:
    """Whether the document is an index: by what it says of itself, or its title and its links."""
    if holds_prose(root):
        return False
    if declared:
        return True
    headings = takewhile(lambda block: block.level is not None, text.blocks)
    titles = {block.text.strip(" .:").lower() for block in headings}
    links = sum(1 for _ in _links(root))
    entries = sum(block.level is None for block in text.blocks)
    return not titles.isdisjoint(_TITLES) and links >= max(_FEWEST_LINKS, entries / 2)


def _is_prose(element: Element) -> bool:
    return (
        local_name(element) in _HOLDERS
        and _PROSE.search(own_text(element)) is not None
        and next(_links(element), None) is None
    )


def _links(element: Element) -> Iterator[Element]:
    return (e for e in element.iter() if local_name(e) == "a" and e.get("href"))
