"""Makes the sample EPUB from story.txt: `python -m audibook.sample.build`."""

from __future__ import annotations

import zipfile
from html import escape
from pathlib import Path

from .cover import cover_png

__all__ = ["EPUB_NAME", "build"]

EPUB_NAME = "the-lamp-at-gull-point.epub"
_TITLE = "The Lamp at Gull Point"
_AUTHOR = "The Jetbull Authors"
_FOLDER = Path(__file__).parent
_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the file is always the same

_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles>
    <rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
  </rootfiles>
</container>
"""
_PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="id">urn:uuid:7c1f0f1e-4f0b-5b0e-9d3a-1d1c2b7f9a10</dc:identifier>
    <dc:title>{title}</dc:title>
    <dc:creator>{author}</dc:creator>
    <dc:language>en</dc:language>
    <dc:publisher>Jetbull</dc:publisher>
    <dc:description>A short story written for this package, to be read aloud.</dc:description>
    <meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>
  </metadata>
  <manifest>
    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
    <item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>
    <item id="cover-image" href="cover.png" media-type="image/png" properties="cover-image"/>
{items}
  </manifest>
  <spine>
    <itemref idref="cover"/>
    <itemref idref="nav"/>
{references}
  </spine>
</package>
"""
_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" xml:lang="en">
  <head><title>{title}</title></head>
  <body{attributes}>
{body}
  </body>
</html>
"""


def build(target: Path) -> None:
    """Write the sample EPUB to `target`; always the same bytes."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in _files().items():
            info = zipfile.ZipInfo(name, _DATE)
            # The format wants its type first and unpacked, so that it can be seen at once.
            packed = name not in {"mimetype", "EPUB/cover.png"}
            info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            archive.writestr(info, content)


def _files() -> dict[str, bytes]:
    chapters = _chapters()
    names = [f"chapter-{number}" for number in range(1, len(chapters) + 1)]
    items = "\n".join(
        f'    <item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
        for name in names
    )
    references = "\n".join(f'    <itemref idref="{name}"/>' for name in names)
    package = _PACKAGE.format(title=_TITLE, author=_AUTHOR, items=items, references=references)
    links = "\n".join(
        f'      <li><a href="{name}.xhtml">{escape(title)}</a></li>'
        for name, (title, _) in zip(names, chapters, strict=True)
    )
    nav = f'    <nav epub:type="toc">\n      <h1>Contents</h1>\n      <ol>\n{links}\n      </ol>\n'
    cover = f'    <img src="cover.png" alt="{_TITLE}"/>'
    pages = {
        "cover": _page("Cover", cover, ' epub:type="cover"'),
        "nav": _page("Contents", f"{nav}    </nav>"),
    }
    for name, (title, paragraphs) in zip(names, chapters, strict=True):
        body = "\n".join(f"    <p>{escape(text, quote=False)}</p>" for text in paragraphs)
        pages[name] = _page(title, f"    <h1>{escape(title)}</h1>\n{body}")
    return {
        "mimetype": b"application/epub+zip",
        "META-INF/container.xml": _CONTAINER.encode(),
        "EPUB/package.opf": package.encode(),
        **{f"EPUB/{name}.xhtml": page.encode() for name, page in pages.items()},
        "EPUB/cover.png": cover_png(),
    }


def _page(title: str, body: str, attributes: str = "") -> str:
    return _PAGE.format(title=escape(title), body=body, attributes=attributes)


def _chapters() -> list[tuple[str, list[str]]]:
    """Title and paragraphs of each chapter of the story."""
    chapters: list[tuple[str, list[str]]] = []
    for block in (_FOLDER / "story.txt").read_text("utf-8").split("\n\n"):
        text = block.strip()
        if text.startswith("# "):
            chapters.append((text.removeprefix("# "), []))
        else:
            chapters[-1][1].append(text)
    return chapters


if __name__ == "__main__":
    build(_FOLDER / EPUB_NAME)
