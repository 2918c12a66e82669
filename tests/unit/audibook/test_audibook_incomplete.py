"""EPUBs of which a part is missing: what is there is read, what is not is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.audibook.studio import Studio, make_job

from audibook.epub import read_epub

MakeEpub = Callable[..., Path]

_SECOND = "EPUB/document-2.xhtml"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "'EPUB/document-2.xhtml' in the EPUB is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"<?xml version='1.0'?>", "is empty"),
        (b"<!-- to be written -->", "holds no document"),
        (None, "'document-2.xhtml' is in the reading order but not in the archive"),
    ],
)
def test_a_document_that_is_empty_or_missing_does_not_cost_the_others(
    make_epub: MakeEpub, data: bytes | None, words: str
) -> None:
    book = read_epub(make_epub("<p>A.</p>", "<p>B.</p>", "<p>C.</p>", files={_SECOND: data}))
    assert [page.paragraphs for page in book.pages] == [["A."], ["C."]]
    assert [page.title for page in book.pages] == ["Part 1", "Part 3"]
    assert len(book.faults) == 1 and words in book.faults[0]
    assert _SECOND not in book.documents


def test_an_entry_of_the_spine_that_the_manifest_does_not_list_is_passed_over(
    make_epub: MakeEpub,
) -> None:
    package = (
        b"<package xmlns='http://www.idpf.org/2007/opf' version='3.0'><metadata/><manifest>"
        b"<item id='x' href='document-1.xhtml' media-type='application/xhtml+xml'/></manifest>"
        b"<spine><itemref idref='cover'/><itemref idref='x'/></spine></package>"
    )
    book = read_epub(make_epub("<p>A.</p>", files={"EPUB/package.opf": package}))
    assert [page.paragraphs for page in book.pages] == [["A."]]
    assert "'cover', which its manifest does not list" in book.faults[0]


def test_an_empty_list_of_encrypted_files_locks_nothing(make_epub: MakeEpub) -> None:
    for data in (b"", b"<?xml version='1.0' encoding='utf-8'?>\n"):
        book = read_epub(make_epub("<p>Open.</p>", files={"META-INF/encryption.xml": data}))
        assert [page.paragraphs for page in book.pages] == [["Open."]]


async def test_the_job_and_the_book_tell_which_documents_were_passed_over(
    studio: Studio, make_epub: MakeEpub
) -> None:
    path = make_epub("<p>A.</p>", "<p>B.</p>", files={_SECOND: b""})
    registered = await studio.processor.library.register(path)
    job = make_job()
    data = {"bookId": registered.id, "s3Key": registered.s3_key}
    assert (await studio.processor.process_epub_parsing(data, job))["paragraphCount"] == 1
    sentence = f"{_SECOND!r} in the EPUB is empty."
    assert job.lines == [f"Passed over: {sentence}"]
    info = studio.catalogue.books.get(registered.id).metadata["processingInfo"]
    assert info["documentsNotRead"] == [sentence]
