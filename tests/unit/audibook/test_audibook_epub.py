"""Whole EPUBs: the order of reading, titles and metadata, and odd but good books."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.audibook.packages import MakeEpub, item, packaged, page_texts

from audibook import EpubError, sample_book
from audibook.epub import read_epub, read_metadata
from audibook.epub.archive import Archive
from audibook.epub.documents import reading_order
from audibook.epub.markup import all_text, local_name, parse
from audibook.epub.package import read_package
from audibook.epub.text import document_text

# Further real books, where a folder of them is named.
_CORPUS = [sample_book(), *sorted(Path(os.environ.get("TEST_EPUBS", ".no")).glob("*.epub"))]

_BROKEN = {
    "epubcheck-zip-no-end.epub": "no complete zip archive",
}


def test_pages_follow_the_spine_and_the_contents_page_is_not_read(make_epub: MakeEpub) -> None:
    book = read_epub(make_epub("<p>First.</p>", "<p>Second.</p>", "<img/>", "<p>Third.</p>"))
    assert [page.paragraphs for page in book.pages] == [["First."], ["Second."], ["Third."]]
    assert [page.number for page in book.pages] == [1, 2, 3]
    assert [page.title for page in book.pages] == ["Part 1", "Part 2", "Part 4"]
    assert book.pages[2].source == "EPUB/document-4.xhtml"
    assert book.paragraph_count == 3


def test_a_title_is_read_in_the_order_of_its_parts(make_epub: MakeEpub) -> None:
    title = "<span class='n'><b>I</b>.</span> <i>The <b>old</b></i> sea"
    nav = f"""<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
        <body><nav epub:type="toc"><ol><li><a href="document-1.xhtml">{title}</a></li></ol></nav>
        </body></html>"""
    book = read_epub(make_epub("<p>Text.</p>", files={"EPUB/nav.xhtml": nav.encode()}))
    assert [page.title for page in book.pages] == ["I. The old sea"]


def test_a_label_without_a_word_is_no_title(make_epub: MakeEpub) -> None:
    links = "".join(
        f"<li><a href='document-1.xhtml{to}'>{label}</a></li>"
        for to, label in (("#r1", "↩"), ("", "↑"), ("#c", "The Sea"))
    )
    nav = f'<html xmlns:epub="x"><body><nav epub:type="toc"><ol>{links}</ol></nav></body></html>'
    book = read_epub(make_epub("<p>Text.</p>", files={"EPUB/nav.xhtml": nav.encode()}))
    assert book.pages[0].title == "The Sea"


def test_the_spine_decides_not_the_file_names(make_epub: MakeEpub) -> None:
    spine = (
        '<spine><itemref idref="b"/><itemref idref="c" linear="no"/><itemref idref="a"/></spine>'
    )
    manifest = "".join(item(x, f"document-{n}.xhtml") for n, x in enumerate("abc", 1))
    book = make_epub(
        "<p>A</p>", "<p>B</p>", "<p>C</p>", files={"EPUB/package.opf": packaged(spine, manifest)}
    )
    assert page_texts(book) == ["B", "A"]


def test_metadata_is_read(make_epub: MakeEpub) -> None:
    about = read_metadata(make_epub("<p>x</p>", title="Tom & Jerry", author="Ann", language="fr"))
    assert (about.title, about.author, about.language) == ("Tom & Jerry", "Ann", "fr")


def test_a_picture_in_the_spine_gives_way_to_its_fallback(make_epub: MakeEpub) -> None:
    manifest = '<item id="p" href="p.png" media-type="image/png" fallback="t"/>' + item("t", "t.x")
    package = packaged('<spine><itemref idref="p"/></spine>', manifest)
    files = {
        "EPUB/package.opf": package,
        "EPUB/p.png": b"png",
        "EPUB/t.x": b"<html><body>Instead.</body></html>",
    }
    assert page_texts(make_epub(files=files)) == ["Instead."]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/xml", "application/xml", "text/html; charset=utf-8", " application/xhtml+xml"),
        "application/octet-stream",
    ],
)
def test_a_document_of_a_loosely_named_kind_is_read(make_epub: MakeEpub, kind: str) -> None:
    manifest = f'<item id="x" href="one.xml" media-type="{kind}"/>'
    package = packaged('<spine><itemref idref="x"/></spine>', manifest)
    files = {"EPUB/package.opf": package, "EPUB/one.xml": b"<html><body>Read.</body></html>"}
    assert page_texts(make_epub(files=files)) == ["Read."]


def test_a_long_novel_is_read_whole(make_epub: MakeEpub) -> None:
    paragraph = "<p>It was a <em>long</em> sentence, of the kind that novels have in them. " * 8
    chapters = ["<h2>Chapter</h2>" + f"{paragraph}</p>" * 60 for _ in range(23)]
    path = make_epub(*chapters)
    book = read_epub(path)
    assert sum(len(text) for page in book.pages for text in page.paragraphs) > 640_000


@pytest.mark.parametrize("path", _CORPUS, ids=lambda path: path.name)
def test_a_real_book_is_read_whole_or_refused_with_a_sentence(path: Path) -> None:
    if path.name in _BROKEN:
        with pytest.raises(EpubError, match=_BROKEN[path.name]):
            read_epub(path)
        return
    book = read_epub(path)
    assert [page.number for page in book.pages] == list(range(1, len(book.pages) + 1))
    assert all(0 < len(text) <= 1000 for page in book.pages for text in page.paragraphs)
    with Archive(path) as archive:
        for name in reading_order(read_package(archive)):
            root = parse(archive.read(name), name)
            extracted = document_text(root)
            body = next(e for e in root.iter() if local_name(e) in {"body", "svg"})
            inside = Counter("".join(all_text(body).split()))
            read = sum(len("".join(block.text.split())) for block in extracted.blocks)
            ignorable = sum(inside[c] for c in "\u00ad\u200b\u2060\ufeff")
            assert read + extracted.removed.total() == inside.total() - ignorable, name
