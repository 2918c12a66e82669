"""The book of places of a global concurrency."""

from __future__ import annotations

import pytest

from jetbull.ledger.limits.place_book import Book, HeldPlace, decode, encode, is_waiting, used


def test_a_book_is_read_as_it_was_written() -> None:
    book = {"a": HeldPlace(7, 1000), "b": HeldPlace(9, 1001, "a", 7), "c": HeldPlace(0, 1002)}
    assert decode(encode(book)) == book


@pytest.mark.parametrize("old", [b"0", b"1795917048845"])
def test_a_bare_number_is_no_book(old: bytes) -> None:
    assert decode(old) is None


def test_a_job_that_comes_after_another_shares_its_place_until_that_one_is_struck_out() -> None:
    book: Book = {"a": HeldPlace(7, 1000), "b": HeldPlace(9, 1001, "a", 7)}
    assert is_waiting(book, book["b"])
    assert used(book) == 1
    del book["a"]
    assert not is_waiting(book, book["b"])
    assert used(book) == 1


def test_a_job_that_runs_again_does_not_share_its_place_with_what_came_after_it_before() -> None:
    book: Book = {"a": HeldPlace(7, 1000), "b": HeldPlace(9, 1001, "a", 7)}
    book["a"] = HeldPlace(12, 1002)
    assert not is_waiting(book, book["b"])
    assert used(book) == 2
