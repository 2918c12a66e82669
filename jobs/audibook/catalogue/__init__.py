"""The catalogue: books, pages and paragraphs in SQLite or PostgreSQL.

`records` holds what is handed out, `tables` the original's tables, `database` the
connection, `books`, `pages` and `paragraphs` the rows of each kind, `saving` the one
transaction that stores a parsed book. All calls block: run them in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .books import Books
from .database import Database, database_errors
from .pages import Pages
from .paragraphs import Paragraphs
from .records import AudioStatus, Book, BookStatus, FixType, NewPage, Page, Paragraph, SavedPages
from .saving import save_pages

__all__ = [
    "AudioStatus",
    "Book",
    "BookStatus",
    "Books",
    "Catalogue",
    "FixType",
    "NewPage",
    "Page",
    "Pages",
    "Paragraph",
    "Paragraphs",
    "SavedPages",
    "database_errors",
]


class Catalogue:
    """The whole catalogue at one database URL; makes missing tables when opened."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._database.create_tables()
        self.books = Books(self._database)
        self.pages = Pages(self._database)
        self.paragraphs = Paragraphs(self._database)

    def save_pages(
        self, book_id: str, pages: Sequence[NewPage], metadata: Mapping[str, Any]
    ) -> SavedPages:
        """Make the book's rows equal to `pages` in one transaction; see `saving`."""
        return save_pages(self._database, book_id, pages, metadata)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
