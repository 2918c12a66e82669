"""What the catalogue keeps of a book, run on SQLite, and on PostgreSQL where one is given."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.contract.audibook.books import PAGES, add_book

from audibook import RecordNotFoundError
from audibook.catalogue import BookStatus, Catalogue
from audibook.catalogue.database import Database


def test_a_book_keeps_what_it_is_given(catalogue: Catalogue) -> None:
    add_book(
        catalogue,
        author="A",
        language="en",
        metadata={"diacriticsType": "simple"},
        tts_model="hibari",
        tts_voice="heart",
        tts_settings={"rate": 10},
    )
    book = catalogue.books.get("b")
    assert (book.title, book.author, book.language, book.s3_key) == ("T", "A", "en", "raw/b.epub")
    assert book.status is BookStatus.UPLOADING
    assert dict(book.metadata) == {"diacriticsType": "simple"}
    assert (book.tts_model, book.tts_voice, book.tts_settings) == ("hibari", "heart", {"rate": 10})
    assert catalogue.books.ids() == ["b"]
    add_book(catalogue, author="other")
    assert catalogue.books.get("b").author == "A"


def test_a_missing_row_is_named(catalogue: Catalogue) -> None:
    assert catalogue.books.find("x") is None
    for call, words in (
        (catalogue.books.get, "Book not found: x"),
        (catalogue.pages.get, "Page not found: x"),
        (catalogue.paragraphs.get, "Paragraph not found: x"),
        (catalogue.pages.start_audio, "Page not found: x"),
        (catalogue.paragraphs.start_audio, "Paragraph not found: x"),
    ):
        with pytest.raises(RecordNotFoundError, match=words):
            call("x")
    with pytest.raises(RecordNotFoundError):
        catalogue.books.set_status("x", BookStatus.READY)
    with pytest.raises(RecordNotFoundError):
        catalogue.save_pages("x", PAGES, {})


def test_a_book_that_many_add_at_once_is_added_once(catalogue: Catalogue) -> None:
    at_once = 8
    starting = threading.Barrier(at_once)

    def add(number: int) -> bool:
        starting.wait()
        return catalogue.books.add(book_id="b", title="T", s3_key=f"raw/{number}.epub")

    with ThreadPoolExecutor(at_once) as pool:
        added = list(pool.map(add, range(at_once)))
    assert added.count(True) == 1
    assert catalogue.books.get("b").s3_key == f"raw/{added.index(True)}.epub"


def test_two_books_cannot_share_a_key(catalogue: Catalogue) -> None:
    add_book(catalogue)
    with pytest.raises(IntegrityError):
        catalogue.books.add(book_id="c", title="T", s3_key="raw/b.epub")


def test_a_description_keeps_what_is_not_given_or_blank(catalogue: Catalogue) -> None:
    add_book(catalogue, author="A", language="he", metadata={"a": 1})
    catalogue.books.describe("b", title=" New ", author=" ", metadata={"b": 2})
    book = catalogue.books.get("b")
    assert (book.title, book.author, book.language) == ("New", "A", "he")
    assert dict(book.metadata) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("stored", "read"),
    [('"{\\"diacriticsType\\": \\"simple\\"}"', {"diacriticsType": "simple"}), ('"no json"', {}),
     ("[1]", {}), ("null", {}), ('{"a": 1}', {"a": 1})],
)  # fmt: skip
def test_metadata_may_be_stored_as_an_object_or_as_text(
    catalogue: Catalogue, url: str, stored: str, read: dict[str, Any]
) -> None:
    add_book(catalogue)
    database = Database(url)
    with database.writing() as session:
        value = "CAST(:v AS JSONB)" if "postgres" in url else ":v"
        session.execute(text(f"""UPDATE books SET "processingMetadata" = {value}"""), {"v": stored})
    database.close()
    assert dict(catalogue.books.get("b").metadata) == read
    catalogue.books.describe("b", metadata={"x": 1})
    assert dict(catalogue.books.get("b").metadata) == {**read, "x": 1}


def test_several_threads_write_at_once_without_losing_anything(catalogue: Catalogue) -> None:
    add_book(catalogue)

    def work(number: int) -> None:
        for turn in range(10):
            catalogue.books.describe("b", metadata={f"{number}-{turn}": 1})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert len(catalogue.books.get("b").metadata) == 80


def test_deleting_a_book_deletes_all_that_belongs_to_it(catalogue: Catalogue, url: str) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    database = Database(url)
    with database.writing() as session:
        session.execute(text("DELETE FROM books"))
    with database.reading() as session:
        for table in ("pages", "paragraphs", "original_paragraphs"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    database.close()
