"""Where the chapters of a book lie when only some of its paragraphs are in the audio."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.unit.audibook.studio import Studio

from audibook import Settings
from audibook.catalogue.database import Database

MakeEpub = Callable[..., Path]
_CHAPTERS = [[0, "A"], [2, "B"], [3, "C"], [4, "D"]]


@pytest.mark.parametrize(
    ("left_out", "titles"),
    [
        ([], "ABCD"),
        ([1], "ABCD"),
        ([2], "ACD"),
        ([4], "ABC"),
        ([0, 1], "BCD"),
        ([2, 3, 4], "A"),
        ([0, 1, 2, 3], "D"),
    ],
)
async def test_a_chapter_none_of_whose_paragraphs_is_completed_is_no_chapter_of_the_audio(
    studio: Studio, settings: Settings, make_epub: MakeEpub, left_out: Sequence[int], titles: str
) -> None:
    book = await studio.parsed(make_epub("".join(f"<h{n}>Some words</h{n}>" for n in range(1, 6))))
    paragraphs = studio.catalogue.paragraphs.of_book(book.id)
    assert len(paragraphs) == 5
    database = Database(settings.catalogue_url)
    with database.writing() as session:
        info = json.dumps({"chapters": _CHAPTERS})
        session.execute(text("""UPDATE pages SET "pageBreakInfo" = :info"""), {"info": info})
        for order in left_out:
            statement = text("UPDATE paragraphs SET completed = false WHERE id = :id")
            session.execute(statement, {"id": paragraphs[order].id})
    database.close()
    await studio.speak(book)
    await studio.combine(book)
    result = await studio.processor.process_book_combination({"bookId": book.id})
    made = studio.catalogue.books.get(book.id).metadata["audiobook"]["chapters"]
    assert "".join(chapter["title"] for chapter in made) == titles
    assert all(chapter["end"] > chapter["start"] for chapter in made)
    assert made[0]["start"] == 0
    assert made[-1]["end"] == pytest.approx(result["totalDuration"], abs=0.001)
