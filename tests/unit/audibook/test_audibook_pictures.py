"""Text of pictures: inside of SVG, and titles and characters that are pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audibook.epub import read_epub

MakeEpub = Callable[..., Path]

_SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


def _texts(path: Path) -> list[str]:
    return [text for page in read_epub(path).pages for text in page.paragraphs]


def _alone(make_epub: MakeEpub, content: str) -> Path:
    package = (
        b"<package xmlns='http://www.idpf.org/2007/opf' version='3.0'><metadata/><manifest>"
        b"<item id='s' href='page.svg' media-type='image/svg+xml'/></manifest>"
        b"<spine><itemref idref='s'/></spine></package>"
    )
    files = {"EPUB/package.opf": package, "EPUB/page.svg": _SVG.format(content).encode()}
    return make_epub(files=files)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<title>T</title><desc>D</desc><text>One</text><g><text>Two</text></g>", "One Two"),
        ("<style>text { }</style><text>A <tspan>word</tspan>.</text>", "A word."),
        (
            '<text><tspan x="0" y="9">First</tspan><tspan x="0" dy="9">next</tspan></text>',
            "First next",
        ),
        ('<text><tspan dx="1">dr</tspan><tspan>op</tspan></text>', "drop"),
        (
            '<foreignObject><div xmlns="http://www.w3.org/1999/xhtml"><p>In a</p><p>box.</p></div>'
            "</foreignObject><text>End</text>",
            "In a box. End",
        ),
    ],
)
def test_the_texts_of_a_picture_are_read_each_for_itself(
    make_epub: MakeEpub, content: str, text: str
) -> None:
    assert _texts(make_epub(f"<p>See</p>{_SVG.format(content)}<p>here.</p>")) == [
        f"See {text} here."
    ]
    assert _texts(_alone(make_epub, content)) == [text]


def test_a_picture_without_text_in_a_sentence_does_not_part_it(make_epub: MakeEpub) -> None:
    icon = _SVG.format("<title>Icon</title><path d='M0 0'/>")
    assert _texts(make_epub(f"<p>A{icon}B.</p>")) == ["AB."]


_PICTURE = "<div><img src='c.jpg' alt='{}'/></div>"


def test_a_picture_that_says_what_the_contents_call_the_document_is_its_heading(
    make_epub: MakeEpub,
) -> None:
    # The title in the table of contents is "Part 1".
    for before in ("", "<h1 style='display: none'>Part 1</h1>"):
        body = f"{before}{_PICTURE.format('PART 1.')}<p>Text.</p>"
        assert _texts(make_epub(body)) == ["PART 1.", "Text."]


@pytest.mark.parametrize(
    "body",
    [
        f"<h2>Part 1: The Sea</h2>{_PICTURE.format('Part 1')}<p>Text.</p>",
        f"<p>Part</p><p>1</p>{_PICTURE.format('Part 1')}<p>Text.</p>",
        f"<p>Text.</p>{_PICTURE.format('A ship')}",
    ],
)
def test_other_pictures_and_titles_that_are_read_are_not_said_again(
    make_epub: MakeEpub, body: str
) -> None:
    with_pictures = _texts(make_epub(body))
    assert with_pictures == _texts(make_epub(body.replace(" alt=", " title=")))


def test_the_picture_of_a_rare_character_is_read_in_its_word(make_epub: MakeEpub) -> None:
    assert _texts(make_epub("<p>森<img src='g.png' alt='鷗'/>外</p>")) == ["森鷗外"]
