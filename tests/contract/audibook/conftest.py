"""An empty catalogue on SQLite, and on PostgreSQL where one is given."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.contract.audibook.postgres import GIVEN, HAS_POSTGRES, running_postgres

from audibook.catalogue import Catalogue


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a real PostgreSQL server: the one given, else one of the wheel's."""
    if GIVEN:
        yield GIVEN
    else:
        with running_postgres() as url:
            yield url


@pytest.fixture(params=["sqlite", *(["postgresql"] if HAS_POSTGRES else [])])
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
