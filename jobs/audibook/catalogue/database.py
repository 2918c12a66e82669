"""Opening the database: SQLite in WAL mode, or PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import SQLITE_BUSY, OperationalError
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Cursor as SqliteCursor
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from audibook.errors import CatalogueError, UnrecoverableError

from .tables import Base

__all__ = ["Database", "database_errors"]

_BUSY_TIMEOUT_MS = 30_000
_BUSY_PAUSE_S = 0.02
_SHOWN_CHARACTERS = 300
_PSYCOPG = "postgresql+psycopg"
_DATABASES = frozenset({"postgres", "postgresql", "sqlite"})
_WRITE_IT = "write it as postgresql://user:password@host:5432/name or sqlite:///path/to/file."
_PRISMA = (
    *("schema", "connection_limit", "pool_timeout", "pgbouncer", "socket_timeout"),
    *("statement_cache_size", "sslaccept", "sslidentity", "single_use_connections"),
    *("max_connection_lifetime", "max_idle_connection_lifetime"),
)
_SETUP_LOCK = 0x61756469  # any number no other program uses; this one spells "audi"


class Database:
    """A pool of connections with two ways in: `reading()` and `writing()`.

    The URL may be one of Prisma's: `?schema=...` names the PostgreSQL schema,
    `pgbouncer=true` does without prepared statements, Prisma's further options and
    quotation marks around the whole are dropped.
    """

    def __init__(self, url: str) -> None:
        parsed, prisma = _parse(url)
        schema = prisma.get("schema")
        # Statements carry the text of books, which has no place in error messages.
        options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            del options["pool_pre_ping"]
        else:
            arguments: dict[str, Any] = options.setdefault("connect_args", {})
            if schema and schema != "public":
                arguments["options"] = f"-csearch_path={_quoted(schema)}"
            if prisma.get("pgbouncer") == "true" and parsed.drivername == _PSYCOPG:
                arguments["prepare_threshold"] = None
        try:
            self.engine: Engine = create_engine(parsed, **options)
        except ModuleNotFoundError as error:
            raise UnrecoverableError(
                f"The Python package {error.name} is not installed, which DATABASE_URL needs: "
                "`pip install 'jetbull[postgres]'` brings the one for PostgreSQL."
            ) from error
        except NoSuchModuleError:
            raise UnrecoverableError(
                "DATABASE_URL names a driver that does not exist, "
                f"{parsed.drivername!r}: {_WRITE_IT}"
            ) from None
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(audibook_writes=True)

    def create_tables(self) -> None:
        """Make the tables which do not exist yet; existing ones are left as they are."""
        with self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Two processes that start together must not both find the tables missing.
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SETUP_LOCK})")
            Base.metadata.create_all(connection)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session which sees one state of the database and changes nothing."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, undone when it raises."""
        with Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def database_errors() -> Iterator[None]:
    """Says in one sentence, without any SQL, what the database did not do in the block."""
    try:
        yield
    except SQLAlchemyError as error:
        told = error.orig if isinstance(error, DBAPIError) else error.args[0]
        words = " ".join(str(told).partition("\nLINE ")[0].split())  # which PostgreSQL cites
        reason = words[:_SHOWN_CHARACTERS].rstrip(".")
        raise CatalogueError(f"The database cannot be used: {reason}.") from error


def _parse(url: str) -> tuple[URL, dict[str, str]]:
    """The address, and Prisma's own options, which no driver knows."""
    try:
        parsed = make_url(url.strip().strip("\"'"))
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise UnrecoverableError(f"DATABASE_URL is not a database address: {_WRITE_IT}") from None
    if parsed.get_backend_name() not in _DATABASES:
        raise UnrecoverableError(
            f"DATABASE_URL names {parsed.get_backend_name()!r}, "
            f"and books are kept in PostgreSQL or SQLite: {_WRITE_IT}"
        )
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername=_PSYCOPG)
    prisma = {
        name: value
        for name, value in parsed.query.items()
        if name in _PRISMA and isinstance(value, str)
    }
    return parsed.difference_update_query(_PRISMA), prisma


def _quoted(schema: str) -> str:
    """The schema as a name with capitals or spaces, within the options of a connection."""
    name = '"' + schema.replace('"', '""') + '"'
    return name.replace("\\", "\\\\").replace(" ", "\\ ")


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    # The driver's own transaction handling begins too late for a read to be part of the
    # transaction; _begin_sqlite does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: SqliteCursor) -> None:
    """Set the mode that lets others read during a write, once nobody writes in the old one.

    SQLite itself does not wait for that, whatever its timeout.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if error.sqlite_errorcode != SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes must hold the write lock from its start:
    # SQLite refuses to upgrade a read lock when another process wrote in between.
    writes = connection.get_execution_options().get("audibook_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
