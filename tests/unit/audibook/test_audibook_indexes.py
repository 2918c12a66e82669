"""The index of a book, names with the numbers of pages, is not read aloud."""

from __future__ import annotations

import pytest
from tests.unit.audibook.packages import MakeEpub, page_texts

from audibook.epub import read_epub

_NAMES = ("Abraham", "Isaac", "Jacob", "Joseph", "Benjamin", "Moses")
_PROSE = "<p>" + "Of what an index tells, and of what it does not tell, is to be spoken here. " * 8
_LINKED = "".join(
    f"<p>{name}, <a href='document-1.xhtml#p{n}'>{n}</a>, <a href='document-1.xhtml'>4{n}</a></p>"
    for n, name in enumerate(_NAMES, 1)
)


@pytest.mark.parametrize(
    "index",
    [
        f"<section epub:type='index'><h1>Names</h1>{_LINKED}</section>",
        "<section role='doc-index'><h2>Names</h2><p>Abraham, 12, 45</p></section>",
        f"<h1>Index</h1>{_LINKED}",
        f"<div class='index'><h1>Anhang A</h1><h2>Stichwortverzeichnis</h2>{_LINKED}</div>",
    ],
)
def test_an_index_is_not_read_and_is_counted(make_epub: MakeEpub, index: str) -> None:
    book = read_epub(make_epub("<p>The story.</p>", index))
    assert [page.paragraphs for page in book.pages] == [["The story."]]
    assert book.removed["index"] > 0


@pytest.mark.parametrize(
    "text",
    [
        f"<section epub:type='index'>{_PROSE}</section>",
        f"<h1>Index</h1>{_PROSE}</p>{_LINKED}",
        "<h1>Index</h1><p>He put his index on the map.</p>",
        f"<h1>The Patriarchs</h1>{_LINKED}",
    ],
)
def test_what_is_only_called_an_index_or_only_has_links_is_read(
    make_epub: MakeEpub, text: str
) -> None:
    assert len(page_texts(make_epub("<p>The story.</p>", text))) == 2
