"""Words that the ends of printed lines part are read as words."""

from __future__ import annotations

import pytest
from tests.unit.audibook.documents import extract
from tests.unit.audibook.packages import MakeEpub, page_texts

from audibook.epub.blocks import Block, DocumentText, Mark
from audibook.epub.hyphens import with_whole_words


def _read(body: str) -> str:
    return " ".join(block.text for block in with_whole_words(extract(body)).blocks)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div>and the clo-</div><div>cks were striking</div>", "and the clocks were striking"),
        ("<div>clo\u2010</div><div>cks</div>", "clocks"),
        ("<div>one clo-</div><div>cks and win-</div><div>dows</div>", "one clocks and windows"),
        ("<p>He be-<br/>came what we became.</p>", "He became what we became."),
        ("<p>a well-</p><p>known one; well-known</p>", "a well-known one; well-known"),
    ],
)
def test_a_word_that_goes_on_in_the_next_line_is_one_word(body: str, text: str) -> None:
    assert _read(body) == text


@pytest.mark.parametrize(
    "body",
    [
        "<p>pre- and post-war, with sound- and picture books</p>",
        "<p>What I mean is that-</p><p>Never mind.</p>",
        "<li>long-</li><li>short</li>",
        "<h2>Non-</h2><p>fiction</p>",
        "<p>vitamin E-</p><p>like</p>",
    ],
)
def test_a_hyphen_that_ends_no_line_is_left_alone(body: str) -> None:
    assert _read(body) == " ".join(block.text for block in extract(body).blocks)


def test_marks_stay_with_their_words_and_hyphens_are_counted() -> None:
    marks = [Mark("explicit", 1.0, offset) for offset in (0, 3, 8, 12)]
    text = DocumentText([Block("be- came we became.", marks=marks), Block("Clo-"), Block("cks.")])
    whole = with_whole_words(text)
    assert [block.text for block in whole.blocks] == ["became we became.", "Clocks."]
    assert [mark.offset for mark in whole.blocks[0].marks] == [0, 2, 6, 10]
    assert sum(whole.removed.values()) == 2


def test_a_book_of_lines_is_read_as_paragraphs(make_epub: MakeEpub) -> None:
    lines = ("The morning came and the win-", "dows were bright. Nobody", "had slept.")
    body = "".join(f"<div class='line'>{line}</div>" for line in lines)
    assert page_texts(make_epub(body)) == [
        "The morning came and the windows were bright. Nobody had slept."
    ]
