"""First letters of chapters that stand in blocks of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audibook.epub import read_epub

MakeEpub = Callable[..., Path]


def _text(path: Path) -> str:
    return " ".join(text for page in read_epub(path).pages for text in page.paragraphs)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<div class='dropcap'>T</div><p>he end.</p>", "The end."),
        ("<p><span class='dropcap'>T</span>\n <span>he</span> end.</p>", "The end."),
        ("<p><b class='dropcap'>A</b> <b>soldier</b> came.</p>", "A soldier came."),
        ("<div><p class='Drop-Cap'><span>“T</span></p></div><p><i>HE</i> end.</p>", "“THE end."),
        ("<p class='lettrine'>É</p><hr/><p>tait-ce lui ?</p>", "Était-ce lui ?"),
        ("<p class='initial'>ה</p><p>בית על ההר.</p>", "הבית על ההר."),
        ("<div class='figleft'><img src='t.png' alt='T'/></div><p>he end.</p>", "The end."),
        ("<div><img src='t.png' alt='Decorated letter T'/></div><p>he end.</p>", "The end."),
        (
            "<style>.big{float:left}</style><p class='big'>T</p><p>he end.</p><p>Of the war.</p>",
            "The end. Of the war.",
        ),
        (
            "<div class='dropcap'>A</div><p>ll day.</p><p>It was all.</p>",
            "All day. It was all.",
        ),
    ],
)
def test_a_drop_cap_in_a_block_of_its_own_goes_with_its_word(
    make_epub: MakeEpub, body: str, text: str
) -> None:
    assert _text(make_epub(body)) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>B</p><p>bear</p>", "B bear"),
        ("<p class='dropcap'>A</p><p>soldier came.</p>", "A soldier came."),
        ("<p class='dropcap'>B</p><p>Bear and bee.</p>", "B Bear and bee."),
        ("<p style='float:left'>B</p><p>no, I said.</p>", "B no, I said."),
        ("<div><img src='x.png' alt='x'/></div><p>he end.</p>", "he end."),
        ("<p class='dropcap'>T</p><p>(he) end.</p>", "T (he) end."),
        ("<p class='dropcap'>T</p>or <p>he end.</p>", "T or he end."),
    ],
)
def test_another_letter_alone_stays_where_it_is(make_epub: MakeEpub, body: str, text: str) -> None:
    assert _text(make_epub(body)) == text
