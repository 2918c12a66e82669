"""Text inside of SVG pictures, in a document or as a document of their own."""

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
