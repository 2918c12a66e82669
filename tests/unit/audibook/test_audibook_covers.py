"""The cover picture of an EPUB is found, and no other picture is taken for it."""

from __future__ import annotations

import pytest
from tests.unit.audibook.packages import MakeEpub, packaged

from audibook import sample_book
from audibook.epub import read_cover


def test_the_cover_picture_is_found() -> None:
    cover = read_cover(sample_book())
    assert cover is not None
    assert cover[0].startswith(b"\x89PNG")


_PICTURE = '<item id="i1" href="i/a.png" media-type="image/png"/>'
_COVER_PAGE = '<item id="{}" href="c.xhtml" media-type="application/xhtml+xml"/>'


@pytest.mark.parametrize(
    ("manifest", "more", "spine"),
    [
        ('<item id="cover-image" href="i/a.png" media-type="image/jpg"/>', "", "x"),
        (_PICTURE, '<meta name="cover" content="i/a.png"/>', "x"),
        ('<item id="i1" href="i/Front-Cover.png" media-type="image/png"/>', "", "x"),
        (_PICTURE, '<guide><reference type="cover" href="c.xhtml"/></guide>', "x"),
        (_PICTURE + _COVER_PAGE.format("cover"), '<meta name="cover" content="cover"/>', "x"),
        (_PICTURE + _COVER_PAGE.format("c"), "", "c"),
    ],
)
@pytest.mark.parametrize("page", ['<img src="i/a.png"/>', '<svg><image href="i/a.png"/></svg>'])
def test_a_cover_is_found_where_books_name_it_loosely(
    make_epub: MakeEpub, manifest: str, more: str, spine: str, page: str
) -> None:
    package = packaged(
        f'{more}<spine><itemref idref="{spine}"/><itemref idref="x"/></spine>',
        f'<item id="x" href="x.xhtml" media-type="application/xhtml+xml"/>{manifest}',
    )
    files = {
        "EPUB/package.opf": package,
        "EPUB/x.xhtml": b"<html><body><p>Text.</p><img src='i/b.png'/></body></html>",
        "EPUB/c.xhtml": f"<html><body>{page}</body></html>".encode(),
        "EPUB/i/b.png": b"another",
        "EPUB/i/a.png": b"cover",
        "EPUB/i/Front-Cover.png": b"cover",
    }
    found = read_cover(make_epub(files=files))
    assert found is not None
    assert found[0] == b"cover"


def test_a_picture_beside_text_is_no_cover(make_epub: MakeEpub) -> None:
    files = {"EPUB/a.png": b"another"}
    assert read_cover(make_epub("<p>Text.</p><img src='a.png'/>", files=files)) is None
