"""The database of the catalogue: its address, its tables, and who opens it at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, inspect, text
from tests.contract.audibook.books import add_book
from tests.contract.audibook.postgres import HAS_POSTGRES

from audibook import CatalogueError, JobProcessor, Settings, UnrecoverableError
from audibook.catalogue import Catalogue
from audibook.catalogue.database import Database
from audibook.worker import AudiobookWorker


@pytest.mark.skipif(not HAS_POSTGRES, reason="needs PostgreSQL")
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
    add_book(made)
    made.close()
    assert "books" in inspect(admin).get_table_names(schema)
    with admin.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


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


async def test_a_job_that_the_database_fails_says_so_in_one_sentence_without_sql(
    catalogue: Catalogue, url: str, tmp_path: Path
) -> None:
    processor = JobProcessor(Settings(data_dir=tmp_path), catalogue=catalogue)
    database = Database(url)
    with database.writing() as session:
        session.execute(text("DROP TABLE text_corrections"))
        session.execute(text("DROP TABLE paragraphs"))
    database.close()
    words = r"^The database cannot be used: .*paragraphs.*\.$"
    with pytest.raises(CatalogueError, match=words) as failed:
        await processor.process_audio_generation({"bookId": "b", "paragraphId": "p"})
    processor.close()
    assert "SELECT" not in str(failed.value) and "FROM" not in str(failed.value)


@pytest.mark.skipif(not HAS_POSTGRES, reason="needs the driver of PostgreSQL")
async def test_a_worker_whose_database_does_not_answer_says_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUDIBOOK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hidden@127.0.0.1:1/books")
    job = SimpleNamespace(name="test-job", data={"message": "x"}, id="1")
    with pytest.raises(CatalogueError, match=r"^The database cannot be used: .*refused") as failed:
        await AudiobookWorker()(job)
    assert "sqlalche.me" not in str(failed.value) and "hidden" not in str(failed.value)


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
        Database("postgresql+pg8000://nobody@127.0.0.1/none")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://u:secret@127.0.0.1/none", "names 'mysql', and books are kept in PostgreSQL"),
        ("postgresql+none://u:secret@127.0.0.1/none", "does not exist, 'postgresql\\+none'"),
    ],
)
def test_another_database_is_refused_with_what_to_write_instead(address: str, said: str) -> None:
    with pytest.raises(UnrecoverableError, match=said) as error:
        Database(address)
    assert "postgresql://user:password@host" in str(error.value)
    assert "secret" not in str(error.value)
