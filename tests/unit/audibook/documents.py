"""Single documents of a book, and what of them is read aloud."""

from __future__ import annotations

from audibook.epub.blocks import DocumentText, TextOptions
from audibook.epub.markup import parse
from audibook.epub.text import document_text

_OPS = 'xmlns:epub="http://www.idpf.org/2007/ops"'


def extract(body: str, options: TextOptions | None = None) -> DocumentText:
    page = f'<html xmlns="http://www.w3.org/1999/xhtml" {_OPS}><body>{body}</body></html>'
    return document_text(parse(page.encode(), "page.xhtml"), options)


def spoken(body: str, options: TextOptions | None = None) -> list[str]:
    return [block.text for block in extract(body, options).blocks]
