"""Writing a plain EPUB 3: the sample book is made by it, and books for tests."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

__all__ = ["NewDocument", "epub_files", "pack_epub"]

_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same book is always the same file
_STORED = (".png", ".jpg")

_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"""
_PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="id">{identifier}</dc:identifier>
    <dc:title>{title}</dc:title>
    <dc:creator>{author}</dc:creator>
    <dc:language>{language}</dc:language>
    <meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>
  </metadata>
  <manifest>
    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}
  </manifest>
  <spine>
{references}
  </spine>
</package>
"""
_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
      xml:lang="{language}" lang="{language}">
  <head><title>{title}</title></head>
  <body>
{body}
  </body>
</html>
"""
_COVER = """<section epub:type="cover"><img src="cover.png" alt="{title}"/></section>"""
_COVER_ITEM = """\
    <item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>
    <item id="cover-image" href="cover.png" media-type="image/png" properties="cover-image"/>"""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document of the book: its title as plain text, its body as XHTML."""

    title: str
    body: str


def epub_files(
    documents: Sequence[NewDocument],
    *,
    title: str,
    author: str = "",
    language: str = "en",
    identifier: str = "urn:uuid:00000000-0000-4000-8000-000000000000",
    cover_png: bytes | None = None,
) -> dict[str, bytes]:
    """Name and content of each file of the EPUB, its contents page in the spine."""
    names = [f"document-{number}" for number in range(1, len(documents) + 1)]
    links = "\n".join(
        f'<li><a href="{name}.xhtml">{escape(document.title)}</a></li>'
        for name, document in zip(names, documents, strict=True)
    )
    pages = {"nav": NewDocument("Contents", f'<nav epub:type="toc"><ol>\n{links}\n</ol></nav>')}
    if cover_png is not None:
        pages["cover"] = NewDocument("Cover", _COVER.format(title=escape(title)))
    pages |= dict(zip(names, documents, strict=True))
    items = [
        f'    <item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in names
    ]
    covers = [] if cover_png is None else ["cover"]
    references = [f'    <itemref idref="{name}"/>' for name in [*covers, "nav", *names]]
    package = _PACKAGE.format(
        identifier=escape(identifier),
        title=escape(title),
        author=escape(author),
        language=escape(language),
        items="\n".join([_COVER_ITEM, *items] if covers else items),
        references="\n".join(references),
    )
    files = {
        "META-INF/container.xml": _CONTAINER.encode(),
        "EPUB/package.opf": package.encode(),
    }
    for name, document in pages.items():
        page = _PAGE.format(
            language=escape(language), title=escape(document.title), body=document.body
        )
        files[f"EPUB/{name}.xhtml"] = page.encode()
    return files if cover_png is None else files | {"EPUB/cover.png": cover_png}


def pack_epub(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the files as an EPUB; the same files always give the same bytes."""
    with zipfile.ZipFile(target, "w") as archive:
        # The format wants its type first and unpacked, so that it can be seen at once.
        for name, content in {"mimetype": b"application/epub+zip", **files}.items():
            info = zipfile.ZipInfo(name, _DATE)
            stored = name == "mimetype" or name.endswith(_STORED)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
