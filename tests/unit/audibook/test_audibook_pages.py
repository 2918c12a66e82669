"""Page breaks: found at their place in the text, and cutting no sentence in two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audibook.epub import ReadOptions, SignKinds, read_epub
from audibook.epub.blocks import Block, DocumentText, Mark
from audibook.epub.chapters import begins_chapter, begins_scene
from audibook.epub.markup import parse
from audibook.epub.pages import cut_into_pages
from audibook.epub.signs import PageSigns
from audibook.epub.text import document_text

MakeEpub = Callable[..., Path]

_LONG = "<p>" + "A sentence that fills the page with words. " * 4 + "</p>"


def _marks(body: str, signs: PageSigns | None = None) -> list[tuple[str, float]]:
    """Kind and confidence of the surest sign in a body, per place."""
    page = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<body><p>Before.</p>{body}<p>After.</p></body></html>"
    )
    text = document_text(parse(page.encode(), "x"), find_marks=signs or PageSigns())
    return [(m.kind, m.confidence) for block in text.blocks[1:] for m in block.marks]


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        ("<div style='page-break-before: always'>x</div>", ("explicit", 1.0)),
        ("<div style='break-before:page'>x</div>", ("explicit", 1.0)),
        ("<div style='page-break-after:  always'>x</div>", ("explicit", 1.0)),
        ("<span epub:type='pagebreak' title='12'/>", ("explicit", 1.0)),
        ("<span role='doc-pagebreak'>12</span>", ("explicit", 1.0)),
        ("<a id='page_12'/>", ("explicit", 0.9)),
        ("<section class='my-chapter'>x</section>", ("structural", 0.8)),
        ("<section epub:type='chapter'>x</section>", ("structural", 0.8)),
        ("<h1>A Title</h1>", ("structural", 0.8)),
        ("<h1>Chapter 7</h1>", ("structural", 0.9)),
        ("<h1>פרק ז'</h1>", ("structural", 0.9)),
        ("<hr/>", ("structural", 0.7)),
        ("<p style='margin-top: 60px'>x</p>", ("structural", 0.6)),
        ("<p class='page-start'>x</p>", ("stylistic", 0.8)),
        ("<p class='center'>x</p>", ("stylistic", 0.7)),
        (f"<p style='text-align:center'>{'long ' * 20}</p>", ("stylistic", 0.6)),
        ("<p style='font-size: 24px'>x</p>", ("stylistic", 0.7)),
        ("<p>Chapter Three</p>", ("semantic", 0.8)),
        ("<p>Epilogue</p>", ("semantic", 0.8)),
        ("<p>חלק שני</p>", ("semantic", 0.8)),
        ("<p>Monday was cold.</p>", ("semantic", 0.6)),
        ("<p>* * *</p>", ("semantic", 0.7)),
    ],
)
def test_a_sign_of_a_page_break_is_seen(body: str, sign: tuple[str, float]) -> None:
    assert sign in _marks(body)


@pytest.mark.parametrize(
    "body",
    [
        "<div style='page-break-inside: avoid'>x</div>",
        "<p style='margin: 4px'>x</p>",
        "<p>Partly cloudy, chapter and verse.</p>",
        "<span id='page'/>",
        "<h3>A small heading</h3>",
    ],
)
def test_what_only_looks_like_a_page_break_is_none(body: str) -> None:
    assert _marks(body) == []


def test_an_empty_line_between_long_paragraphs_is_a_weak_sign() -> None:
    assert ("semantic", 0.5) in _marks(f"{_LONG}<p></p>{_LONG}")


def test_each_kind_of_sign_can_be_switched_off() -> None:
    body = "<hr/><p class='page-start'>Chapter 1</p><a id='page1'/>"
    kinds = SignKinds(explicit=False, structural=False, stylistic=False, semantic=False)
    assert len(_marks(body)) == 4
    assert _marks(body, PageSigns(kinds)) == []


@pytest.mark.parametrize("text", ["פרק א", "חלק שני", 'פרק י"ב', "Part II", "פֶּרֶק 3", "BOOK ONE"])
def test_chapters_begin_in_english_and_hebrew(text: str) -> None:
    assert begins_chapter(text)


@pytest.mark.parametrize("text", ["פרקים רבים", "Parting", "חלקה", "Booking 3", "Chapter house"])
def test_other_words_begin_no_chapter(text: str) -> None:
    assert not begins_chapter(text)


def test_scenes_begin_with_a_time() -> None:
    assert all(map(begins_scene, ["Dawn broke", "Two years later he", "כעבור שנה", "12/3/1999"]))
    assert not any(map(begins_scene, ["Dawning", "He left at dawn", "לילות"]))


def test_pages_are_cut_where_the_sign_stands_in_the_text(make_epub: MakeEpub) -> None:
    body = f"<p>Start.</p>{_LONG}<h1>Chapter 2</h1>{_LONG}<hr/><p>End.</p>"
    book = read_epub(make_epub(body, "<p>Next document.</p>"), "page-based")
    assert [page.paragraphs[0][:9] for page in book.pages] == [
        "Start. A ",
        "Chapter 2",
        "End.",
        "Next docu",
    ]
    assert [page.number for page in book.pages] == [1, 2, 3, 4]
    assert [page.source_chapter for page in book.pages] == [1, 1, 1, 2]
    first, second = book.pages[:2]
    assert (first.start_position, first.end_position) == (0, second.start_position)
    assert first.break_info["startBreak"] is None
    assert first.break_info["endBreak"] == second.break_info["startBreak"]
    assert second.break_info["startBreak"]["kind"] == "structural"


def test_the_list_of_printed_pages_decides_where_there_is_one(make_epub: MakeEpub) -> None:
    body = (
        f"<p>One.</p>{_LONG}<h1>No break here</h1>"
        "<p>A sentence that runs <span id='p2' epub:type='pagebreak'/>over the break. Next one.</p>"
        "<p>It is of some length, so that the page is no short one.</p>"
        "<p><a name='p3'></a>Last one.</p>"
    )
    nav = (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>'
        '<nav epub:type="page-list"><ol><li><a href="document-1.xhtml">i</a></li>'
        '<li><a href="document-1.xhtml#p2">ii</a></li>'
        '<li><a href="document-1.xhtml#p3">iii</a></li></ol></nav></body></html>'
    )
    book = read_epub(make_epub(body, files={"EPUB/nav.xhtml": nav.encode()}), "page-based")
    assert [page.paragraphs[-1] for page in book.pages] == [
        "A sentence that runs over the break.",
        "Next one. It is of some length, so that the page is no short one.",
        "Last one.",
    ]
    assert book.pages[1].break_info["startBreak"]["label"] == "ii"


@pytest.mark.parametrize("note", ["<!-- a comment -->", "<?page 7?>"])
def test_comments_beside_an_empty_paragraph_are_passed_over(make_epub: MakeEpub, note: str) -> None:
    book = read_epub(make_epub(f"{_LONG}{note}<p></p>{note}{_LONG}"), "page-based")
    assert len(book.pages) == 1
    assert _marks(f"<div>{note}<h2>A Title</h2></div>") == [("structural", 0.8)]


def test_the_least_confidence_is_an_option(make_epub: MakeEpub) -> None:
    path = make_epub(f"{_LONG}<hr/>{_LONG}<h1>Chapter 2</h1>{_LONG}")
    assert len(read_epub(path, "page-based").pages) == 3
    assert len(read_epub(path, "page-based", ReadOptions(min_confidence=0.85)).pages) == 2


def test_of_two_signs_close_together_the_surer_one_counts() -> None:
    blocks = [
        Block("x" * 80),
        Block("* * *", marks=[Mark("semantic", 0.7)]),
        Block("Chapter 2", marks=[Mark("structural", 0.9)]),
    ]
    stretches = cut_into_pages(DocumentText(blocks))
    assert [[block.text[:9] for block in s.blocks] for s in stretches] == [
        ["xxxxxxxxx", "* * *"],
        ["Chapter 2"],
    ]


def test_a_book_in_one_document_is_cut_at_each_of_its_thousands_of_marks() -> None:
    sentence = "A sentence that is long enough to be a page. "
    marks = [
        Mark("explicit", 1.0, offset) for offset in range(0, 4000 * len(sentence), len(sentence))
    ]
    chapters = [Block(f"Chapter {n}", 1, marks=[Mark("structural", 0.9)]) for n in range(4000)]
    blocks = [block for chapter in chapters for block in (chapter, Block(sentence * 2))]
    assert (
        len(cut_into_pages(DocumentText([Block(sentence * 4000, marks=marks)]), distance=1)) == 4000
    )
    assert len(cut_into_pages(DocumentText(blocks))) == 4000


@given(
    st.lists(
        st.builds(
            Block,
            st.text(alphabet="ab .!?ש", min_size=1, max_size=80).map(
                lambda text: " ".join(text.split()) or "x"
            ),
            marks=st.lists(st.builds(Mark, st.just("explicit"), st.just(1.0), st.integers(0, 79))),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 60),
)
def test_the_pages_together_hold_the_whole_text(blocks: list[Block], distance: int) -> None:
    text = DocumentText(blocks)
    stretches = cut_into_pages(text, distance=distance)
    together = "".join(block.text for stretch in stretches for block in stretch.blocks)
    assert "".join(together.split()) == "".join(text.text.split())
    assert stretches[0].start == 0 and stretches[-1].end == len(text.text)


def test_a_page_within_a_document_is_called_by_the_heading_it_stands_under(
    make_epub: MakeEpub,
) -> None:
    text = f"<p>{'A sentence of some length. ' * 9}</p>"
    body = (
        f"<h1>1</h1><h2>Storm</h2>{text}<hr/>{text}<h1>2</h1><h2>Calm</h2>{text}<hr/>{text}"
        f"<h4>Aside</h4>{text}<h2>Shore</h2>{text}<hr/>{text}"
    )
    book = read_epub(make_epub(body, "<p>The end.</p>"), "page-based")
    titles = ["Part 1", "Part 1", "2", "2", "Shore", "Part 2"]
    assert [page.title for page in book.pages] == titles
