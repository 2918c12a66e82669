"""Broken, locked and oversized EPUBs are refused with a sentence that names the fault."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.unit.audibook.packages import MakeEpub, item, packaged, page_texts

from audibook import EpubError, UnrecoverableError, sample_book
from audibook.epub import Limits, ReadOptions, read_epub


def test_obfuscated_fonts_do_not_matter(make_epub: MakeEpub) -> None:
    assert page_texts(make_epub("<p>Open.</p>", files={"META-INF/encryption.xml": _encryption(
        "http://www.idpf.org/2008/embedding", "EPUB/document-1.xhtml")})) == ["Open."]  # fmt: skip


def _encryption(algorithm: str, uri: str) -> bytes:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData>'
        f'<enc:CipherReference URI="{uri}"/></enc:CipherData></enc:EncryptedData></encryption>'
    ).encode()


_DOCUMENT = item("x", "document-1.xhtml")


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
        ({"EPUB/package.opf": packaged("", _DOCUMENT)}, "no spine"),
        ({"EPUB/package.opf": packaged("<spine/>", _DOCUMENT)}, "spine is empty"),
        (
            {"EPUB/package.opf": packaged('<spine><itemref idref="y"/></spine>', _DOCUMENT)},
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


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"A Book".ljust(60, b"\0") + b"BOOKMOBI", "a Kindle book"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>Not found", "a web page"),
        (b"\x1f\x8b\x08\0", "a file packed by gzip"),
    ],
)
def test_a_book_of_another_kind_is_refused_by_its_name(
    tmp_path: Path, start: bytes, kind: str
) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(start + bytes(500))
    with pytest.raises(EpubError, match=f"not an EPUB but {kind}; upload the book as EPUB"):
        read_epub(path)


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
