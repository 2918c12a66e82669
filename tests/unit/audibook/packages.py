"""Package documents put together from their parts, and the text of the EPUBs made with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from audibook.epub import read_epub

MakeEpub = Callable[..., Path]


def page_texts(path: Path) -> list[str]:
    return [" ".join(page.paragraphs) for page in read_epub(path).pages]


def packaged(spine: str, manifest: str, version: str = "3.0", rest: str = "") -> bytes:
    return (
        f'<package xmlns="http://www.idpf.org/2007/opf" version="{version}"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title></metadata>'
        f"<manifest>{manifest}</manifest>{spine}{rest}</package>"
    ).encode()


def item(item_id: str, href: str, extra: str = "") -> str:
    return f'<item id="{item_id}" href="{href}" media-type="application/xhtml+xml" {extra}/>'
