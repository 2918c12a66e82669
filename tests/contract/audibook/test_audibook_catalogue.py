"""What the catalogue promises: run on SQLite, and on PostgreSQL where one is given."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from tests.contract.audibook.postgres import is_available, running_postgres

from audibook import RecordNotFoundError, TextChangedError, UnrecoverableError
from audibook.catalogue import AudioStatus, BookStatus, Catalogue, NewPage
from audibook.catalogue.database import Database

_GIVEN = os.environ.get("TEST_POSTGRES_URL")
_HAS_POSTGRES = _GIVEN or is_available()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL server: the one given, else one of the wheel's."""
    if _GIVEN:
        yield _GIVEN
    else:
        with running_postgres() as url:
            yield url


@pytest.fixture(params=["sqlite", *(["postgresql"] if _HAS_POSTGRES else [])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new, empty database in the form the original application writes its address."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'audibook.db'}"
        return
    postgres: str = request.getfixturevalue("postgres")
    schema = f"test_{uuid.uuid4().hex}"
    admin = create_engine(postgres.replace("postgresql://", "postgresql+psycopg://"))
    with admin.begin() as connection:
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    yield f'"{postgres}{"&" if "?" in postgres else "?"}schema={schema}"'
    with admin.begin() as connection:
        connection.execute(text(f'DROP SCHEMA "{schema}" CASCADE'))
    admin.dispose()


@pytest.fixture
def catalogue(url: str) -> Iterator[Catalogue]:
    made = Catalogue(url)
    yield made
    made.close()


def _add_book(catalogue: Catalogue, book_id: str = "b", **about: Any) -> str:
    catalogue.books.add(book_id=book_id, title="T", s3_key=f"raw/{book_id}.epub", **about)
    return book_id


_PAGES = [NewPage(["One.", "Two."], "First", 1), NewPage(["Three."], "Second", 2)]


def test_a_book_keeps_what_it_is_given(catalogue: Catalogue) -> None:
    _add_book(
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
    _add_book(catalogue, author="other")
    assert catalogue.books.get("b").author == "A"


@pytest.mark.skipif(not _HAS_POSTGRES, reason="needs PostgreSQL")
@pytest.mark.parametrize("schema", ["audioBook", "my schema", 'a"b', "back\\slash"])
def test_an_address_of_prisma_is_taken_with_any_schema_and_all_its_options(
    postgres: str, schema: str
) -> None:
    name = '"' + schema.replace('"', '""') + '"'
    admin = create_engine(postgres.replace("postgresql://", "postgresql+psycopg://"))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    options = {
        "schema": schema,
        "pgbouncer": "true",
        "connection_limit": "5",
        "sslaccept": "strict",
    }
    made = Catalogue(f"{postgres}{'&' if '?' in postgres else '?'}{urlencode(options)}")
    _add_book(made)
    made.close()
    assert "books" in inspect(admin).get_table_names(schema)
    with admin.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


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
        catalogue.save_pages("x", _PAGES, {})


def test_two_books_cannot_share_a_key(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    with pytest.raises(IntegrityError):
        catalogue.books.add(book_id="c", title="T", s3_key="raw/b.epub")


def test_a_description_keeps_what_is_not_given_or_blank(catalogue: Catalogue) -> None:
    _add_book(catalogue, author="A", language="he", metadata={"a": 1})
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
    _add_book(catalogue)
    database = Database(url)
    with database.writing() as session:
        value = "CAST(:v AS JSONB)" if "postgres" in url else ":v"
        session.execute(text(f"""UPDATE books SET "processingMetadata" = {value}"""), {"v": stored})
    database.close()
    assert dict(catalogue.books.get("b").metadata) == read
    catalogue.books.describe("b", metadata={"x": 1})
    assert dict(catalogue.books.get("b").metadata) == {**read, "x": 1}


def test_saved_pages_are_numbered_and_counted(catalogue: Catalogue) -> None:
    _add_book(catalogue, metadata={"diacriticsType": "simple"})
    saved = catalogue.save_pages("b", _PAGES, {"averageParagraphsPerPage": 1.5})
    assert (saved.page_count, saved.paragraph_count, saved.orphaned_keys) == (2, 3, [])
    book = catalogue.books.get("b")
    assert (book.total_pages, book.total_paragraphs) == (2, 3)
    assert dict(book.metadata) == {"diacriticsType": "simple", "averageParagraphsPerPage": 1.5}
    pages = catalogue.pages.of_book("b")
    assert [(page.page_number, page.title, page.source_chapter) for page in pages] == [
        (1, "First", 1),
        (2, "Second", 2),
    ]
    assert all(page.audio_status is AudioStatus.PENDING for page in pages)
    paragraphs = catalogue.paragraphs.of_book("b")
    assert [(p.order_index, p.content, p.completed) for p in paragraphs] == [
        (0, "One.", False),
        (1, "Two.", False),
        (0, "Three.", False),
    ]
    assert catalogue.paragraphs.of_page(pages[1].id) == paragraphs[2:]


def test_saving_the_same_again_changes_nothing(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    first = catalogue.paragraphs.of_book("b")
    catalogue.paragraphs.finish_audio(first[0].id, "One.", "k1", 1.0)
    catalogue.paragraphs.replace_text(first[1].id, "Two.", "Corrected.")
    catalogue.paragraphs.mark_completed("b")
    before = catalogue.paragraphs.of_book("b"), catalogue.pages.of_book("b")
    assert catalogue.save_pages("b", _PAGES, {}).orphaned_keys == []
    assert (catalogue.paragraphs.of_book("b"), catalogue.pages.of_book("b")) == before


def test_changed_and_surplus_text_is_replaced_and_its_audio_given_up(
    catalogue: Catalogue,
) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    one, two, three = catalogue.paragraphs.of_book("b")
    first, second = catalogue.pages.of_book("b")
    for paragraph, key in ((one, "k1"), (two, "k2"), (three, "k3")):
        catalogue.paragraphs.finish_audio(paragraph.id, paragraph.content, key, 1.0)
    catalogue.pages.finish_audio(first.id, "p1", 2.0)
    catalogue.pages.finish_audio(second.id, "p2", 1.0)
    catalogue.paragraphs.mark_completed("b")
    saved = catalogue.save_pages("b", [NewPage(["Uno."]), NewPage(["Three."], "Second")], {})
    assert sorted(saved.orphaned_keys) == ["k1", "k2"]
    changed, kept = catalogue.paragraphs.of_book("b")
    assert (changed.id, changed.content, changed.completed) == (one.id, "Uno.", False)
    assert (changed.audio_status, changed.audio_s3_key) == (AudioStatus.PENDING, None)
    assert (kept.id, kept.completed, kept.audio_s3_key) == (three.id, True, "k3")
    statuses = [page.audio_status for page in catalogue.pages.of_book("b")]
    assert statuses == [AudioStatus.PENDING, AudioStatus.READY]
    shorter = catalogue.save_pages("b", [NewPage(["Uno."])], {})
    assert sorted(shorter.orphaned_keys) == ["k3", "p2"]
    assert len(catalogue.pages.of_book("b")) == 1
    longer = catalogue.save_pages("b", [NewPage(["Uno.", "Due."]), *_PAGES], {})
    assert (longer.page_count, longer.paragraph_count) == (3, 5)


def test_saving_is_all_or_nothing(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    before = catalogue.paragraphs.of_book("b")
    broken: Any = [NewPage(["Other."]), NewPage([None])]  # type: ignore[list-item]
    with pytest.raises(IntegrityError):
        catalogue.save_pages("b", broken, {})
    assert catalogue.paragraphs.of_book("b") == before


def test_rows_with_ids_of_the_original_application_are_kept(catalogue: Catalogue, url: str) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    database = Database(url)
    with database.writing() as session:
        session.execute(text("""UPDATE paragraphs SET id = 'random' WHERE content = 'Two.'"""))
    database.close()
    catalogue.save_pages("b", _PAGES, {})
    assert catalogue.paragraphs.get("random").content == "Two."


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM paragraphs WHERE content = 'Two.'"],
        [
            "DELETE FROM paragraphs WHERE content = 'One.'",
            """UPDATE paragraphs SET "orderIndex" = 0 WHERE content = 'Two.'""",
        ],
        [
            """DELETE FROM pages WHERE "pageNumber" = 1""",
            """UPDATE pages SET "pageNumber" = 1 WHERE "pageNumber" = 2""",
        ],
    ],
    ids=["paragraph deleted", "paragraphs numbered anew", "pages numbered anew"],
)
def test_a_book_whose_rows_were_deleted_can_be_saved_again(
    catalogue: Catalogue, url: str, statements: list[str]
) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    database = Database(url)
    with database.writing() as session:
        for statement in statements:
            session.execute(text(statement))
    database.close()
    for _ in range(2):
        catalogue.save_pages("b", _PAGES, {})
        paragraphs = catalogue.paragraphs.of_book("b")
        assert [p.content for p in paragraphs] == ["One.", "Two.", "Three."]


def test_audio_goes_from_pending_over_generating_to_ready(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    page = catalogue.pages.of_book("b")[0]
    catalogue.paragraphs.start_audio(paragraph.id)
    catalogue.pages.start_audio(page.id)
    assert catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.GENERATING
    assert catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k1", 1.5) is None
    assert catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k1", 1.5) is None
    assert catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k2", 1.25) == "k1"
    assert catalogue.pages.finish_audio(page.id, "p1", 3.0) is None
    assert catalogue.pages.finish_audio(page.id, "p2", 3.0) == "p1"
    row = catalogue.paragraphs.get(paragraph.id)
    assert (row.audio_status, row.audio_s3_key) == (AudioStatus.READY, "k2")
    assert row.audio_duration == 1.25


def test_only_audio_that_is_being_made_can_be_stopped(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    page = catalogue.pages.of_book("b")[0]
    for rows, row_id in ((catalogue.paragraphs, paragraph.id), (catalogue.pages, page.id)):
        rows.start_audio(row_id)
        rows.stop_audio(row_id, AudioStatus.ERROR)
        assert rows.get(row_id).audio_status is AudioStatus.ERROR
        rows.stop_audio(row_id, AudioStatus.PENDING)
        assert rows.get(row_id).audio_status is AudioStatus.ERROR


def test_audio_of_another_text_is_not_taken(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    with pytest.raises(TextChangedError, match="was edited"):
        catalogue.paragraphs.finish_audio(paragraph.id, "Another.", "k", 1.0)
    assert catalogue.paragraphs.get(paragraph.id).audio_s3_key is None


def test_text_is_replaced_unless_completed_or_changed(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k", 1.0)
    assert catalogue.paragraphs.replace_text(paragraph.id, "One.", "Eins.")
    assert catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.PENDING
    assert not catalogue.paragraphs.replace_text(paragraph.id, "One.", "Uno.")
    assert catalogue.paragraphs.mark_completed("b") == 3
    assert catalogue.paragraphs.mark_completed("b") == 0
    assert not catalogue.paragraphs.replace_text(paragraph.id, "Eins.", "Uno.")
    assert not catalogue.paragraphs.replace_text("nobody", "Eins.", "Uno.")
    assert catalogue.paragraphs.get(paragraph.id).content == "Eins."


def test_several_threads_write_at_once_without_losing_anything(catalogue: Catalogue) -> None:
    _add_book(catalogue)

    def work(number: int) -> None:
        for turn in range(10):
            catalogue.books.describe("b", metadata={f"{number}-{turn}": 1})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert len(catalogue.books.get("b").metadata) == 80


def test_two_processes_may_open_a_new_database_at_once(url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        for opened in threads.map(lambda _: Catalogue(url), range(4)):
            opened.close()


def test_opening_a_new_database_waits_for_the_process_that_sets_it_up(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE settings (name TEXT)")
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(Catalogue, f"sqlite:///{path}")
        assert not wait([opening], timeout=0.3).done
        other.execute("COMMIT")
        other.close()
        opening.result().close()


def test_the_tables_are_those_of_the_original(catalogue: Catalogue, url: str) -> None:
    database = Database(url)
    found = inspect(database.engine)
    schema = url.partition("schema=")[2].strip('"') or None
    assert set(found.get_table_names(schema)) == {
        "books",
        "pages",
        "original_paragraphs",
        "paragraphs",
        "text_corrections",
    }
    columns = {column["name"] for column in found.get_columns("paragraphs", schema)}
    assert columns == {
        *("id", "pageId", "bookId", "orderIndex", "content", "originalParagraphId", "completed"),
        *("audioS3Key", "audioStatus", "audioDuration", "audioGeneratedAt"),
        *("createdAt", "updatedAt"),
    }
    unique = {tuple(c["column_names"]) for c in found.get_unique_constraints("pages", schema)}
    assert unique == {("bookId", "pageNumber")}
    keys = found.get_foreign_keys("paragraphs", schema)
    rules = {key["constrained_columns"][0]: key["options"]["ondelete"] for key in keys}
    assert rules == {"pageId": "CASCADE", "bookId": "CASCADE", "originalParagraphId": "SET NULL"}
    database.close()


def test_deleting_a_book_deletes_all_that_belongs_to_it(catalogue: Catalogue, url: str) -> None:
    _add_book(catalogue)
    catalogue.save_pages("b", _PAGES, {})
    database = Database(url)
    with database.writing() as session:
        session.execute(text("DELETE FROM books"))
    with database.reading() as session:
        for table in ("pages", "paragraphs", "original_paragraphs"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    database.close()


def test_a_whole_novel_is_saved_in_a_few_seconds(catalogue: Catalogue) -> None:
    _add_book(catalogue)
    pages = [NewPage([f"Paragraph {n} of page {p}." for n in range(60)]) for p in range(100)]
    assert catalogue.save_pages("b", pages, {}).paragraph_count == 6000
    assert len(catalogue.paragraphs.of_book("b")) == 6000


def test_sqlite_is_in_wal_mode(tmp_path: Path) -> None:
    Catalogue(f"sqlite:///{tmp_path / 'a.db'}").close()
    connection = sqlite3.connect(tmp_path / "a.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_an_address_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(UnrecoverableError, match="DATABASE_URL is not a database address") as error:
        Database("secret")
    assert "secret" not in str(error.value)


def test_a_database_whose_driver_is_missing_is_told_with_the_extra_that_brings_it() -> None:
    with pytest.raises(UnrecoverableError, match=r"jetbull\[postgres\]"):
        Database("oracle+oracledb://nobody@127.0.0.1/none")
