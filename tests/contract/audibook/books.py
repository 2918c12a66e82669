"""A book of two pages, for a catalogue."""

from __future__ import annotations

from typing import Any

from audibook.catalogue import Catalogue, NewPage


def add_book(catalogue: Catalogue, book_id: str = "b", **about: Any) -> str:
    catalogue.books.add(book_id=book_id, title="T", s3_key=f"raw/{book_id}.epub", **about)
    return book_id


PAGES = [NewPage(["One.", "Two."], "First", 1), NewPage(["Three."], "Second", 2)]
