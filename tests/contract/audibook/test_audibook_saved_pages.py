"""The pages of a book are saved whole, again and again, and lose nothing that still fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from tests.contract.audibook.books import PAGES, add_book

from audibook.catalogue import AudioStatus, Catalogue, NewPage
from audibook.catalogue.database import Database


def test_saved_pages_are_numbered_and_counted(catalogue: Catalogue) -> None:
    add_book(catalogue, metadata={"diacriticsType": "simple"})
    saved = catalogue.save_pages("b", PAGES, {"averageParagraphsPerPage": 1.5})
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
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    first = catalogue.paragraphs.of_book("b")
    catalogue.paragraphs.finish_audio(first[0].id, "One.", "k1", 1.0)
    catalogue.paragraphs.replace_text(first[1].id, "Two.", "Corrected.")
    catalogue.paragraphs.mark_completed("b")
    before = catalogue.paragraphs.of_book("b"), catalogue.pages.of_book("b")
    assert catalogue.save_pages("b", PAGES, {}).orphaned_keys == []
    assert (catalogue.paragraphs.of_book("b"), catalogue.pages.of_book("b")) == before


def test_changed_and_surplus_text_is_replaced_and_its_audio_given_up(
    catalogue: Catalogue,
) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
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
    longer = catalogue.save_pages("b", [NewPage(["Uno.", "Due."]), *PAGES], {})
    assert (longer.page_count, longer.paragraph_count) == (3, 5)


def test_saving_is_all_or_nothing(catalogue: Catalogue) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    before = catalogue.paragraphs.of_book("b")
    broken: Any = [NewPage(["Other."]), NewPage([None])]  # type: ignore[list-item]
    with pytest.raises(IntegrityError):
        catalogue.save_pages("b", broken, {})
    assert catalogue.paragraphs.of_book("b") == before


def test_rows_with_ids_of_the_original_application_are_kept(catalogue: Catalogue, url: str) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    database = Database(url)
    with database.writing() as session:
        session.execute(text("""UPDATE paragraphs SET id = 'random' WHERE content = 'Two.'"""))
    database.close()
    catalogue.save_pages("b", PAGES, {})
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
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    database = Database(url)
    with database.writing() as session:
        for statement in statements:
            session.execute(text(statement))
    database.close()
    for _ in range(2):
        catalogue.save_pages("b", PAGES, {})
        paragraphs = catalogue.paragraphs.of_book("b")
        assert [p.content for p in paragraphs] == ["One.", "Two.", "Three."]


def test_a_whole_novel_is_saved_in_a_few_seconds(catalogue: Catalogue) -> None:
    add_book(catalogue)
    pages = [NewPage([f"Paragraph {n} of page {p}." for n in range(60)]) for p in range(100)]
    assert catalogue.save_pages("b", pages, {}).paragraph_count == 6000
    assert len(catalogue.paragraphs.of_book("b")) == 6000


class _Watched(list[str]):
    """Texts of a page that tell when they are gone through."""

    def __init__(self, texts: list[str], told: Callable[[], None]) -> None:
        super().__init__(texts)
        self._told = told

    def __iter__(self) -> Iterator[str]:
        self._told()
        return super().__iter__()


def _is_locked(url: str, table: str) -> bool:
    """Whether nobody else can give rows of this table audio now."""
    database = Database(url)
    impatient = "SET lock_timeout = 100" if "postgres" in url else "PRAGMA busy_timeout = 0"
    try:
        with database.reading() as session:
            session.execute(text(impatient))
            session.execute(text(f"""UPDATE {table} SET "audioS3Key" = 'late'"""))
    except OperationalError:
        return True
    finally:
        database.close()
    return False


def test_no_audio_of_the_old_text_is_finished_while_the_new_is_saved(
    catalogue: Catalogue, url: str
) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    locked: list[bool] = []

    def told() -> None:
        locked.extend(_is_locked(url, table) for table in ("pages", "paragraphs"))

    catalogue.save_pages("b", [NewPage(_Watched(["New.", "Two."], told), "First", 1)], {})
    assert locked == [True, True]
    assert catalogue.paragraphs.of_book("b")[0].audio_s3_key is None


@pytest.mark.parametrize("chapters", [{"a": 1}, [1, 2], [[1]], [["x", "y"]], "no", 5, None])
def test_chapters_of_a_page_that_are_not_written_as_here_are_passed_over(
    catalogue: Catalogue, chapters: object
) -> None:
    add_book(catalogue)
    info = {"startBreak": None, "chapters": chapters}
    catalogue.save_pages("b", [NewPage(["One."], "First", break_info=info)], {})
    (page,) = catalogue.pages.of_book("b")
    assert (page.title, page.chapters) == ("First", None)
