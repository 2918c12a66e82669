"""Items, cells and titles without a full stop: what keeps a voice from running them together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.audibook.studio import Studio

from audibook.epub import ParsedBook, read_epub
from audibook.epub.blocks import Block
from audibook.epub.paragraphs import ParagraphSizes, make_paragraphs
from audibook.speech import ToneEngine, VoiceSettings
from audibook.speech.spoken import with_pauses

MakeEpub = Callable[..., Path]


def _paragraphs(book: ParsedBook) -> list[str]:
    return [text for page in book.pages for text in page.paragraphs]


@pytest.mark.parametrize(
    ("body", "text", "spoken"),
    [
        (
            "<p>Take:</p><ul><li>Two eggs</li><li>Milk<ol><li>cold</li></ol></li></ul><p>Stir.</p>",
            "Take: Two eggs\nMilk\ncold\nStir.",
            "Take: Two eggs. Milk, cold. Stir.",
        ),
        (
            "<table><caption>Ages</caption><tr><th>Name</th><th>Age</th></tr><tr><td><p>Ann</p>"
            "</td><td>12</td></tr></table><p>Both.</p>",
            "Ages\nName\tAge\nAnn\t12\nBoth.",
            "Ages. Name, Age. Ann, 12. Both.",
        ),
        (
            "<dl><dt>“Lee”</dt><dd>Where no wind is</dd><dt>Luff</dt><dd>The edge!</dd></dl>",
            "“Lee”\nWhere no wind is\nLuff\nThe edge!",
            "“Lee”. Where no wind is. Luff. The edge!",
        ),
        ("<ul><li>שָׁלוֹם</li><li>ברכה</li></ul>", "שָׁלוֹם\nברכה", "שָׁלוֹם. ברכה"),
        (
            "<ul><li>One.</li><li>Two,</li><li>“Three!”</li><li>(four)</li></ul><p>Five</p>",
            "One. Two, “Three!” (four)\nFive",
            "One. Two, “Three!” (four). Five",
        ),
        ("<p>O wild West</p><p>wind, thou breath</p>", "O wild West wind, thou breath", None),
    ],
)
def test_items_and_cells_are_parted_where_no_mark_ends_them(
    make_epub: MakeEpub, body: str, text: str, spoken: str | None
) -> None:
    assert _paragraphs(read_epub(make_epub(body))) == [text]
    assert with_pauses(text) == (spoken or text)


def test_a_long_list_is_cut_between_its_items() -> None:
    items = [Block(f"item {n} of the list", joint="\n") for n in range(40)]
    paragraphs = make_paragraphs(items, ParagraphSizes(characters=100))
    assert len(paragraphs) > 1
    assert "\n".join(paragraphs).split("\n") == [item.text for item in items]


async def test_the_voice_is_given_the_pauses(
    studio: Studio, make_epub: MakeEpub, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []
    speak = ToneEngine.speak

    def listening(
        self: ToneEngine, text: str, voice: str | None, settings: VoiceSettings
    ) -> object:
        given.append(text)
        return speak(self, text, voice, settings)

    monkeypatch.setattr(ToneEngine, "speak", listening)
    book = await studio.parsed(make_epub("<ul><li>Eggs</li><li>Milk</li></ul>"))
    for paragraph in studio.catalogue.paragraphs.of_book(book.id):
        await studio.processor.process_audio_generation(
            {"bookId": book.id, "paragraphId": paragraph.id}
        )
    assert given == ["Eggs. Milk"]


def test_a_paragraph_that_the_contents_call_a_chapter_is_read_as_its_heading(
    make_epub: MakeEpub,
) -> None:
    body = (
        "<p class='big'>PART ONE</p><p>It began</p><p class='big' id='c1'>Chapter I</p>"
        "<p class='big'>The Storm</p><p>The wind rose</p><p>and fell.</p>"
    )
    nav = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        '<body><nav epub:type="toc"><ol><li><a href="document-1.xhtml">Part one</a><ol><li><a '
        'href="document-1.xhtml#c1">Chapter I: The Storm</a></li></ol></li></ol></nav>'
        "</body></html>"
    )
    read = read_epub(
        make_epub(body, "<p>The storm</p><p>again</p>", files={"EPUB/nav.xhtml": nav.encode()})
    )
    assert [list(page.paragraphs) for page in read.pages] == [
        ["PART ONE", "It began", "Chapter I", "The Storm", "The wind rose and fell."],
        ["The storm again"],
    ]


@pytest.mark.parametrize(
    ("title", "alone"),
    [
        ("Chapter 2 The Storm", True),
        ("פרק ב הסערה", True),
        ("Epilogue", True),
        ("Chapter 2 was long, he said.", False),
        ("The storm", False),
        ("Chapter 2 " + "of a story without an end " * 5, False),
    ],
)
def test_a_short_paragraph_that_begins_as_a_chapter_does_is_its_heading(
    make_epub: MakeEpub, title: str, alone: bool
) -> None:
    read = _paragraphs(read_epub(make_epub(f"<p>He left</p><p>{title}</p><p>It blew.</p>")))
    title = title.strip()
    assert read == (["He left", title, "It blew."] if alone else [f"He left {title} It blew."])
