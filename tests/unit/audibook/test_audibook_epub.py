"""Whole EPUBs: the order of reading, odd but good books, and every kind of broken one."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from audibook import EpubError, UnrecoverableError, sample_book
from audibook.epub import Limits, ReadOptions, read_cover, read_epub, read_metadata
from audibook.epub.archive import Archive
from audibook.epub.documents import reading_order
from audibook.epub.markup import all_text, local_name, parse
from audibook.epub.package import read_package
from audibook.epub.text import document_text

MakeEpub = Callable[..., Path]

# Further real books, where a folder of them is named.
_CORPUS = [sample_book(), *sorted(Path(os.environ.get("TEST_EPUBS", ".no")).glob("*.epub"))]

_BROKEN = {
    "epubcheck-zip-no-end.epub": "no complete zip archive",
}


def _page_texts(path: Path) -> list[str]:
    return [" ".join(page.paragraphs) for page in read_epub(path).pages]


def _package(spine: str, manifest: str, version: str = "3.0", rest: str = "") -> bytes:
    return (
        f'<package xmlns="http://www.idpf.org/2007/opf" version="{version}"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title></metadata>'
        f"<manifest>{manifest}</manifest>{spine}{rest}</package>"
    ).encode()


def _item(item_id: str, href: str, extra: str = "") -> str:
    return f'<item id="{item_id}" href="{href}" media-type="application/xhtml+xml" {extra}/>'


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
    manifest = "".join(_item(x, f"document-{n}.xhtml") for n, x in enumerate("abc", 1))
    book = make_epub(
        "<p>A</p>", "<p>B</p>", "<p>C</p>", files={"EPUB/package.opf": _package(spine, manifest)}
    )
    assert _page_texts(book) == ["B", "A"]


def test_metadata_is_read(make_epub: MakeEpub) -> None:
    about = read_metadata(make_epub("<p>x</p>", title="Tom & Jerry", author="Ann", language="fr"))
    assert (about.title, about.author, about.language) == ("Tom & Jerry", "Ann", "fr")


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("my%20file.xhtml", "EPUB/my file.xhtml"),
        ("my file.xhtml", "EPUB/my file.xhtml"),
        ("TEXT/One.xhtml", "EPUB/text/one.xhtml"),
        ("../other/x.xhtml", "other/x.xhtml"),
        ("%D7%A4%D7%A8%D7%A7.xhtml", "EPUB/פרק.xhtml"),
        ("caf%C3%A9.xhtml", "EPUB/cafe\u0301.xhtml"),
        ("one.xhtml?page=1", "EPUB/one.xhtml"),
        ("who?.xhtml", "EPUB/who?.xhtml"),
    ],
)
def test_documents_are_found_however_their_names_are_written(
    make_epub: MakeEpub, href: str, name: str
) -> None:
    package = _package('<spine><itemref idref="x"/></spine>', _item("x", href))
    page = b"<html><body><p>Found.</p></body></html>"
    assert _page_texts(make_epub(files={"EPUB/package.opf": package, name: page})) == ["Found."]


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("פרק.xhtml", "EPUB/פרק.xhtml".encode()),
        ("%D7%A4%D7%A8%D7%A7.xhtml", "EPUB/פרק.xhtml".encode()),
        ("פרק.xhtml", "EPUB/פרק.xhtml".encode("cp862")),
        ("café.xhtml", "EPUB/café.xhtml".encode("cp1252")),
        ("text/one.xhtml", b"EPUB\\text\\one.xhtml"),
        ("text\\one.xhtml", b"EPUB/text/one.xhtml"),
        ("one.xhtml", b"./EPUB/one.xhtml"),
        ("a b.xhtml", b"EPUB/a%20b.xhtml"),
        ("one#two:3.xhtml", b"EPUB/one#two:3.xhtml"),
    ],
)
def test_documents_are_found_however_a_tool_packed_them(
    make_epub: MakeEpub, href: str, name: bytes
) -> None:
    package = _package('<spine><itemref idref="x"/></spine>', _item("x", href))
    stand_in = "~" * len(name)  # the writer would mark a name that is not ASCII as UTF-8
    page = b"<html><body><p>Found.</p></body></html>"
    path = make_epub(files={"EPUB/package.opf": package, stand_in: page})
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), name))
    assert _page_texts(path) == ["Found."]


@pytest.mark.parametrize("path", ["./EPUB/package.opf", "EPUB\\package.opf", "/EPUB/package.opf"])
def test_the_first_package_document_that_is_there_is_read(make_epub: MakeEpub, path: str) -> None:
    container = f"""<container><rootfiles><rootfile full-path="gone.opf"/>
        <rootfile full-path="{path}"/></rootfiles></container>"""
    files = {"META-INF/container.xml": container.encode()}
    assert _page_texts(make_epub("<p>Found.</p>", files=files)) == ["Found."]


@pytest.mark.parametrize(
    "container", [None, b"<container/>", b"<container><rootfile full-path='gone.opf'/></container>"]
)
def test_the_only_package_document_is_read_where_none_is_named(
    make_epub: MakeEpub, container: bytes | None
) -> None:
    files = {"META-INF/container.xml": container}
    assert _page_texts(make_epub("<p>Found.</p>", files=files)) == ["Found."]


def test_a_book_zipped_with_the_folder_around_it_is_read(
    make_epub: MakeEpub, tmp_path: Path
) -> None:
    nested = tmp_path / "nested.epub"
    with zipfile.ZipFile(make_epub("<p>Found.</p>")) as plain, zipfile.ZipFile(nested, "w") as book:
        for name in plain.namelist():
            book.writestr(f"My Book/{name}", plain.read(name))
    assert _page_texts(nested) == ["Found."]


def test_an_epub_2_with_ncx_guide_and_html_contents_page_is_read(make_epub: MakeEpub) -> None:
    manifest = (
        _item("toc", "contents.html")
        + _item("one", "one.html")
        + '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    )
    package = _package(
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
    package = _package(
        '<spine><itemref idref="a"/><itemref idref="b"/></spine>',
        _item("a", "document-1.xhtml") + _item("b", "document-2.xhtml"),
        rest='<guide><reference type="toc" href="document-1.xhtml"/></guide>',
    )
    contents = f"<h1>The Name of the Book</h1><ol>{links}</ol>"
    book = make_epub(contents, "<p>It began.</p>", files={"EPUB/package.opf": package})
    assert _page_texts(book) == ["It began."]
    short = "<h1>Table of Contents</h1><p><a href='document-2.xhtml'>One</a></p>"
    book = make_epub(short, "<p>It began.</p>", files={"EPUB/package.opf": package})
    assert _page_texts(book) == ["It began."]
    preface = "It says for whom the book is, and what they will find in it. " * 3
    book = make_epub(f"<p>{preface}</p>{contents}", "<p>x</p>", files={"EPUB/package.opf": package})
    assert _page_texts(book) == [f"{preface}The Name of the Book", "x"]


def test_the_jacket_that_calibre_puts_in_is_not_read(make_epub: MakeEpub) -> None:
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><meta name="calibre-content" '
        'content="jacket"/></head><body><p>Rating: five stars</p></body></html>'
    )
    files = {"EPUB/document-1.xhtml": page.encode()}
    book = read_epub(make_epub("<p>x</p>", "<p>It began.</p>", files=files))
    assert [list(page.paragraphs) for page in book.pages] == [["It began."]]
    assert book.removed["jacket"] == len("Rating:fivestars")


def test_a_picture_in_the_spine_gives_way_to_its_fallback(make_epub: MakeEpub) -> None:
    manifest = '<item id="p" href="p.png" media-type="image/png" fallback="t"/>' + _item("t", "t.x")
    package = _package('<spine><itemref idref="p"/></spine>', manifest)
    files = {
        "EPUB/package.opf": package,
        "EPUB/p.png": b"png",
        "EPUB/t.x": b"<html><body>Instead.</body></html>",
    }
    assert _page_texts(make_epub(files=files)) == ["Instead."]


@pytest.mark.parametrize(
    "kind",
    [
        *("text/xml", "application/xml", "text/html; charset=utf-8", " application/xhtml+xml"),
        "application/octet-stream",
    ],
)
def test_a_document_of_a_loosely_named_kind_is_read(make_epub: MakeEpub, kind: str) -> None:
    manifest = f'<item id="x" href="one.xml" media-type="{kind}"/>'
    package = _package('<spine><itemref idref="x"/></spine>', manifest)
    files = {"EPUB/package.opf": package, "EPUB/one.xml": b"<html><body>Read.</body></html>"}
    assert _page_texts(make_epub(files=files)) == ["Read."]


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
    package = _package(
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


def test_obfuscated_fonts_do_not_matter(make_epub: MakeEpub) -> None:
    assert _page_texts(make_epub("<p>Open.</p>", files={"META-INF/encryption.xml": _encryption(
        "http://www.idpf.org/2008/embedding", "EPUB/document-1.xhtml")})) == ["Open."]  # fmt: skip


def _encryption(algorithm: str, uri: str) -> bytes:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData>'
        f'<enc:CipherReference URI="{uri}"/></enc:CipherData></enc:EncryptedData></encryption>'
    ).encode()


_DOCUMENT = _item("x", "document-1.xhtml")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"META-INF/container.xml": None, "more/other.opf": b"<package/>"},
            "no META-INF/container.xml",
        ),
        (
            {"META-INF/container.xml": b"<container/>", "more/other.opf": b"<package/>"},
            "names no package document",
        ),
        ({"EPUB/package.opf": None}, "'EPUB/package.opf' is not in the archive"),
        ({"EPUB/package.opf": b""}, "is empty"),
        ({"EPUB/package.opf": _package("", _DOCUMENT)}, "no spine"),
        ({"EPUB/package.opf": _package("<spine/>", _DOCUMENT)}, "spine is empty"),
        (
            {"EPUB/package.opf": _package('<spine><itemref idref="y"/></spine>', _DOCUMENT)},
            "'y', which its manifest does not list",
        ),
        ({"EPUB/document-1.xhtml": None}, "'document-1.xhtml' is in the reading order but not in"),
        ({"EPUB/document-1.xhtml": b" "}, "'EPUB/document-1.xhtml' in the EPUB is empty"),
        (
            {"EPUB/document-1.xhtml": b"<html><body><img/></body></html>"},
            "No pages extracted from EPUB",
        ),
        (
            {
                "META-INF/encryption.xml": _encryption(
                    "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "EPUB/document-1.xhtml"
                )
            },
            "encrypted",
        ),
        ({"EPUB/document-1.xhtml": b"<div>" * 5000 + b"x"}, "too deeply"),
    ],
)
def test_a_broken_book_is_refused_with_a_sentence_that_names_the_fault(
    make_epub: MakeEpub, files: dict[str, bytes | None], words: str
) -> None:
    with pytest.raises(EpubError, match=words) as caught:
        read_epub(make_epub("<p>Text.</p>", files=files))
    assert str(caught.value).endswith((".", ").")) and "\n" not in str(caught.value)


def test_an_epub_error_is_never_worth_a_retry() -> None:
    assert "UnrecoverableError" in {kind.__name__ for kind in EpubError.__mro__}
    assert issubclass(EpubError, UnrecoverableError)


def test_a_file_that_is_no_zip_archive_is_refused(tmp_path: Path) -> None:
    for name, data in (("text", b"not a zip"), ("empty", b""), ("cut", sample_bytes()[:20_000])):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(EpubError, match="no complete zip archive"):
            read_epub(path)
    with pytest.raises(EpubError, match="no file 'missing'"):
        read_epub(tmp_path / "missing")


def sample_bytes() -> bytes:
    return sample_book().read_bytes()


def test_damaged_data_in_the_archive_is_refused(make_epub: MakeEpub) -> None:
    path = make_epub("<p>" + "All sorts of text, to be damaged. " * 50 + "</p>")
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo("EPUB/document-1.xhtml")
    start = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
    data[start : start + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(EpubError, match="is damaged"):
        read_epub(path)


def test_a_password_protected_archive_is_refused(make_epub: MakeEpub) -> None:
    path = make_epub("<p>x</p>")
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("META-INF/container.xml").header_offset
    patched = bytearray(data)
    patched[offset + 6] |= 1
    directory = patched.index(b"PK\x01\x02")
    while patched[directory + 46 : directory + 46 + 8] != b"META-INF":
        directory = patched.index(b"PK\x01\x02", directory + 4)
    patched[directory + 8] |= 1
    path.write_bytes(patched)
    with pytest.raises(EpubError, match="encrypted"):
        read_epub(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(make_epub: MakeEpub) -> None:
    bomb = make_epub("<p>x</p>", files={"EPUB/bomb.xhtml": bytes(80 << 20)})
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(EpubError, match="zip bomb"):
        read_epub(bomb)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(entries=3), "at most 3 are accepted"),
        (Limits(document=100), "at most 100 are read from one document"),
        (Limits(documents=1200), "more than 1,200 bytes of text"),
        (Limits(unpacked=500), "zip bomb"),
    ],
)
def test_every_limit_is_a_sentence(make_epub: MakeEpub, limits: Limits, words: str) -> None:
    with pytest.raises(EpubError, match=words):
        read_epub(make_epub("<p>Text.</p>"), options=ReadOptions(limits=limits))


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


@pytest.mark.parametrize("others", [(), ("<p>It began.</p>",)])
def test_text_beside_the_contents_list_of_the_navigation_document_is_read(
    make_epub: MakeEpub, others: tuple[str, ...]
) -> None:
    nav = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        '<body><h1>My Book</h1><nav epub:type="toc"><ol><li><a href="#a">One</a></li></ol></nav>'
        f"<p>{'All of it stands here. ' * (30 if others else 1)}</p></body></html>"
    ).encode()
    items = _item("n", "nav.xhtml", 'properties="nav"')
    spine = '<itemref idref="n"/>'
    for number in range(1, len(others) + 1):
        items += _item(f"d{number}", f"document-{number}.xhtml")
        spine += f'<itemref idref="d{number}"/>'
    package = _package(f"<spine>{spine}</spine>", items)
    book = make_epub(*others, files={"EPUB/package.opf": package, "EPUB/nav.xhtml": nav})
    first, *rest = _page_texts(book)
    assert first.startswith("My Book All of it stands here.") and "One" not in first
    assert rest == ["It began."][: len(others)]
