"""Documents of an EPUB are found however they are named, packed or pointed to."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.unit.audibook.packages import MakeEpub, item, packaged, page_texts


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
    package = packaged('<spine><itemref idref="x"/></spine>', item("x", href))
    page = b"<html><body><p>Found.</p></body></html>"
    assert page_texts(make_epub(files={"EPUB/package.opf": package, name: page})) == ["Found."]


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
    package = packaged('<spine><itemref idref="x"/></spine>', item("x", href))
    stand_in = "~" * len(name)  # the writer would mark a name that is not ASCII as UTF-8
    page = b"<html><body><p>Found.</p></body></html>"
    path = make_epub(files={"EPUB/package.opf": package, stand_in: page})
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), name))
    assert page_texts(path) == ["Found."]


@pytest.mark.parametrize("path", ["./EPUB/package.opf", "EPUB\\package.opf", "/EPUB/package.opf"])
def test_the_first_package_document_that_is_there_is_read(make_epub: MakeEpub, path: str) -> None:
    container = f"""<container><rootfiles><rootfile full-path="gone.opf"/>
        <rootfile full-path="{path}"/></rootfiles></container>"""
    files = {"META-INF/container.xml": container.encode()}
    assert page_texts(make_epub("<p>Found.</p>", files=files)) == ["Found."]


@pytest.mark.parametrize(
    "container",
    [None, b"", b"<container/>", b"<container><rootfile full-path='gone.opf'/></container>"],
)
def test_the_only_package_document_is_read_where_none_is_named(
    make_epub: MakeEpub, container: bytes | None
) -> None:
    files = {"META-INF/container.xml": container}
    assert page_texts(make_epub("<p>Found.</p>", files=files)) == ["Found."]


def test_a_book_zipped_with_the_folder_around_it_is_read(
    make_epub: MakeEpub, tmp_path: Path
) -> None:
    nested = tmp_path / "nested.epub"
    with zipfile.ZipFile(make_epub("<p>Found.</p>")) as plain, zipfile.ZipFile(nested, "w") as book:
        for name in plain.namelist():
            book.writestr(f"My Book/{name}", plain.read(name))
    assert page_texts(nested) == ["Found."]


def test_of_a_zipped_folder_the_package_document_that_its_container_names_is_read(
    make_epub: MakeEpub, tmp_path: Path
) -> None:
    others = {"EPUB/fixed.opf": b"<package/>", "META-INF/metadata.xml": b"<metadata/>"}
    nested = tmp_path / "nested.epub"
    with (
        zipfile.ZipFile(make_epub("<p>Found.</p>", files={**others})) as plain,
        zipfile.ZipFile(nested, "w") as book,
    ):
        for name in plain.namelist():
            book.writestr(f"My Book/{name}", plain.read(name))
            # as the Finder of macOS does
            book.writestr(f"__MACOSX/My Book/{name.replace('/', '/._')}", b"\0\5\x16\7")
    assert page_texts(nested) == ["Found."]


@pytest.mark.parametrize("before_data", [b"EPUB\\\xd7\xa4.xhtml", b"EPUB/?\x80.xhtml"])
def test_a_document_whose_name_is_another_one_beside_its_data_is_read(
    make_epub: MakeEpub, before_data: bytes
) -> None:
    package = packaged('<spine><itemref idref="x"/></spine>', item("x", "פ.xhtml"))
    page = b"<html><body><p>Found.</p></body></html>"
    path = make_epub(files={"EPUB/package.opf": package, "EPUB/פ.xhtml": page})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("EPUB/פ.xhtml").header_offset
    header = data[offset : offset + 30 + len(before_data)]
    other = header[:6] + b"\0\0" + header[8:30] + before_data
    path.write_bytes(data.replace(header, other, 1))
    assert page_texts(path) == ["Found."]


@pytest.mark.parametrize(
    "manifest",
    [
        item("x", "document-1.xhtml") + item("x", "document-2.xhtml"),
        item("x", "document-1.xhtml")
        + '<item id="x" href="x.jpg" media-type="image/jpeg"/>'
        + item(" x", "document-2.xhtml"),
    ],
)
def test_documents_to_which_a_tool_gave_one_id_are_all_read(
    make_epub: MakeEpub, manifest: str
) -> None:
    spine = '<spine><itemref idref="x"/><itemref idref=" x "/></spine>'
    package = {"EPUB/package.opf": packaged(spine, manifest)}
    assert page_texts(make_epub("<p>One.</p>", "<p>Two.</p>", files=package)) == ["One.", "Two."]


def test_a_document_is_read_that_shares_its_id_with_a_picture(make_epub: MakeEpub) -> None:
    picture = '<item id="x" href="x.jpg" media-type="image/jpeg"/>'
    for manifest in (
        item("x", "document-1.xhtml") + picture,
        picture + item("x", "document-1.xhtml"),
    ):
        package = packaged('<spine><itemref idref="x"/></spine>', manifest)
        files = {"EPUB/package.opf": package, "EPUB/x.jpg": b"picture"}
        assert page_texts(make_epub("<p>Found.</p>", files=files)) == ["Found."]
