"""Numbers of printed pages that stand in a text."""

from __future__ import annotations

import re
from collections.abc import Set

from .blocks import HEADINGS
from .markup import Element, local_name, own_text

__all__ = ["is_page_number"]

_CLASSES = {
    *("pagenum", "pageno", "pagenumber", "page-number", "page-num", "page_number", "pagebreak"),
    *("x-ebookmaker-pageno", "epub-pagenum"),
}
_PLACE = re.compile(r"(?:page|pg|pagina|seite|sida)[-_.]?0*(\d+|[ivxlc]+)", re.IGNORECASE)
_WORDS = (
    "pg|page|p|pp|pag|pág|pagina|página|s|seite|sida|sidan|side|sivu|str|strana|strona|blz|bl|"
    "bladzijde|стр|страница|с|σελ|עמ|עמוד|עמ'|עמ׳|ע'|ע׳|דף|ص|صفحة|頁|页"
)
# "[Pg 12]", "— 12 —", "[S. 12]", "{xii}", "[12/13]", "12a"
_NUMBER = re.compile(
    rf"[\[({{<|\s–—-]*(?:(?:{_WORDS})(?![^\W\d_])[.!:]?)?\s*"
    r"(\d+[a-z]?|[ivxlc]+)(?:[/–-]\d+)?\s*(?:頁|页)?[\])}>|\s–—-]*",
    re.IGNORECASE,
)


def is_page_number(element: Element, classes: Set[str]) -> bool:
    """Whether it holds nothing but the number of a page, and says by a class or its id that it is.

    `classes` are the element's, in lower case.
    """
    name = local_name(element)
    named = classes & _CLASSES and name not in HEADINGS
    place = _PLACE.fullmatch(element.get("id", "")) if name in {"a", "span"} else None
    if not named and place is None:
        return False
    found = _NUMBER.fullmatch(own_text(element))
    if found is None:
        return False
    return bool(named) or (place is not None and place.group(1).lower() == found.group(1).lower())
