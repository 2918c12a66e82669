"""Makes the sample EPUB from story.txt: `python -m audibook.sample.build`."""

from __future__ import annotations

from html import escape
from pathlib import Path

from audibook.epub.writer import NewDocument, epub_files, pack_epub

from .cover import cover_png

__all__ = ["build"]

_FOLDER = Path(__file__).parent
_TITLE = "The Lamp at Gull Point"
_AUTHOR = "The Jetbull Authors"
_IDENTIFIER = "urn:uuid:7c1f0f1e-4f0b-5b0e-9d3a-1d1c2b7f9a10"


def build(target: Path) -> None:
    """Write the sample EPUB to `target`; always the same bytes."""
    files = epub_files(
        _chapters(), title=_TITLE, author=_AUTHOR, identifier=_IDENTIFIER, cover_png=cover_png()
    )
    pack_epub(target, files)


def _chapters() -> list[NewDocument]:
    """The story's chapters: a line with `# ` begins one, a blank line ends a paragraph."""
    chapters: list[tuple[str, list[str]]] = []
    for block in (_FOLDER / "story.txt").read_text("utf-8").split("\n\n"):
        text = block.strip()
        if text.startswith("# "):
            title = text.removeprefix("# ")
            chapters.append((title, [f"<h1>{escape(title)}</h1>"]))
        else:
            chapters[-1][1].append(f"<p>{escape(text, quote=False)}</p>")
    return [NewDocument(title, "\n".join(parts)) for title, parts in chapters]


if __name__ == "__main__":
    build(_FOLDER / "the-lamp-at-gull-point.epub")
