"""Contents pages and jackets of whole EPUBs are left out, the text beside them is not."""

from __future__ import annotations

import pytest
from tests.unit.audibook.packages import MakeEpub, item, packaged, page_texts

from audibook.epub import read_epub


def test_an_epub_2_with_ncx_guide_and_html_contents_page_is_read(make_epub: MakeEpub) -> None:
    manifest = (
        item("toc", "contents.html")
        + item("one", "one.html")
        + '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    )
    package = packaged(
        '<spine toc="ncx"><itemref idref="toc"/><itemref idref="one"/></spine>',
        manifest,
        "2.0",
        '<guide><reference type="toc" href="contents.html"/></guide>',
    )
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel>'
        '<text>The Beginning</text></navLabel><navLabel xml:lang="fr"><text>Le début</text>'
        '</navLabel><content src="one.html"/></navPoint></navMap></ncx>'
    )
    files = {
        "EPUB/package.opf": package,
        "EPUB/toc.ncx": ncx.encode(),
        "EPUB/contents.html": b"<html><body><a href='one.html'>One</a></body></html>",
        "EPUB/one.html": b"<html><body><p>It began&nbsp;here.</p></body></html>",
    }
    book = read_epub(make_epub(files=files))
    assert [(page.title, page.paragraphs) for page in book.pages] == [
        ("The Beginning", ["It began here."])
    ]


def test_a_contents_page_is_left_out_with_its_heading_when_the_guide_names_it(
    make_epub: MakeEpub,
) -> None:
    links = "".join(f"<li><a href='document-2.xhtml#{n}'>Chapter {n}</a></li>" for n in range(9))
    package = packaged(
        '<spine><itemref idref="a"/><itemref idref="b"/></spine>',
        item("a", "document-1.xhtml") + item("b", "document-2.xhtml"),
        rest='<guide><reference type="toc" href="document-1.xhtml"/></guide>',
    )
    contents = f"<h1>The Name of the Book</h1><ol>{links}</ol>"
    book = make_epub(contents, "<p>It began.</p>", files={"EPUB/package.opf": package})
    assert page_texts(book) == ["It began."]
    short = "<h1>Table of Contents</h1><p><a href='document-2.xhtml'>One</a></p>"
    book = make_epub(short, "<p>It began.</p>", files={"EPUB/package.opf": package})
    assert page_texts(book) == ["It began."]
    preface = "It says for whom the book is, and what they will find in it. " * 3
    book = make_epub(f"<p>{preface}</p>{contents}", "<p>x</p>", files={"EPUB/package.opf": package})
    assert page_texts(book) == [f"{preface}The Name of the Book", "x"]


def test_the_jacket_that_calibre_puts_in_is_not_read(make_epub: MakeEpub) -> None:
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><meta name="calibre-content" '
        'content="jacket"/></head><body><p>Rating: five stars</p></body></html>'
    )
    files = {"EPUB/document-1.xhtml": page.encode()}
    book = read_epub(make_epub("<p>x</p>", "<p>It began.</p>", files=files))
    assert [list(page.paragraphs) for page in book.pages] == [["It began."]]
    assert book.removed["jacket"] == len("Rating:fivestars")


@pytest.mark.parametrize("others", [(), ("<p>It began.</p>",)])
def test_text_beside_the_contents_list_of_the_navigation_document_is_read(
    make_epub: MakeEpub, others: tuple[str, ...]
) -> None:
    nav = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        '<body><h1>My Book</h1><nav epub:type="toc"><ol><li><a href="#a">One</a></li></ol></nav>'
        f"<p>{'All of it stands here. ' * (30 if others else 1)}</p></body></html>"
    ).encode()
    items = item("n", "nav.xhtml", 'properties="nav"')
    spine = '<itemref idref="n"/>'
    for number in range(1, len(others) + 1):
        items += item(f"d{number}", f"document-{number}.xhtml")
        spine += f'<itemref idref="d{number}"/>'
    package = packaged(f"<spine>{spine}</spine>", items)
    book = make_epub(*others, files={"EPUB/package.opf": package, "EPUB/nav.xhtml": nav})
    first, *rest = page_texts(book)
    assert first.startswith("My Book All of it stands here.") and "One" not in first
    assert rest == ["It began."][: len(others)]
