"""What a book's style sheets hide is not read aloud."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from audibook.epub import read_epub

MakeEpub = Callable[..., Path]


def _book(
    make_epub: MakeEpub, body: str, css: str = "", head: str = "", link: str = ""
) -> tuple[str, int]:
    """What is read, and how many characters were hidden."""
    link = link or '<link rel="stylesheet" type="text/css" href="styles/a%20b.css"/>'
    page = (
        f'<html xmlns="http://www.w3.org/1999/xhtml"><head>{link}{head}</head>'
        f"<body>{body}</body></html>"
    )
    files = {"EPUB/document-1.xhtml": page.encode(), "EPUB/styles/a b.css": css.encode()}
    book = read_epub(make_epub("<p>x</p>", files=files))
    return " ".join(t for p in book.pages for t in p.paragraphs), book.removed["hidden"]


_BODY = '<p>A</p><p class="x y" id="i">B</p><div class="z">C<span class="w">D</span></div>'


@pytest.mark.parametrize(
    ("css", "read"),
    [
        (".x { display: none }", "A CD"),
        ("p.x.y,q{color:red;display:none!important}", "A CD"),
        ("#i{VISIBILITY : Hidden;}", "A CD"),
        ("div { display: none; } /* p { display: none } */", "A B"),
        ("/* .w */ .w { display:none", "A B CD"),  # cut off
        (".w{content:'}';display:none}", "A B C"),
        ("@charset 'utf-8'; @import url(x.css); .x{display:none}", "A CD"),
        ("@font-face{font-family:f;src:url(f)} .x{display:none}", "A CD"),
        ("div .w, body > p{display:none}", "C"),
        (".x{display:oeb-page-head} .w{display: oeb-page-foot}", "A C"),
        ("html body div.z>span{display:none}", "A B C"),
        ("body > .w, p .w, div p, .z div .w{display:none}", "A B CD"),
        # The stronger rule counts, then the later.
        (".x{display:none} body .x{display:block}", "A B CD"),
        ("body .z{display:none} .z{display:block}", "A B"),
        (".x{display:none} .x{display:block}", "A B CD"),
        (".x{display:none} p{display:block}", "A CD"),
        ("#i{display:block} .x{display:none}", "A B CD"),
        (".x{display:block} .x{display:none}", "A CD"),
        (".x{display:none!important} #i{display:block}", "A CD"),
        # In doubt it is shown.
        ("@media print { .x{display:none} } @media amzn-kf8 { .z{display:none} }", "A B CD"),
        (".x{display:none} @media screen { .x{display:block} }", "A B CD"),
        (".x{display:none} @media amzn-mobi { .x{display:block} }", "A CD"),
        ("@media screen { .x{display:none} .w{color:red} } .y{display:none}", "A CD"),
        ("@media screen and (max-width: 9px) { @supports (x:y) { .x{display:none} } }", "A B CD"),
        (".x:hover{display:none} p > .w{display:none} [id]{display:none}", "A B CD"),
        ("body{visibility:hidden} html{display:none}", "A B CD"),
        (".X{display:none} .x{display:inline-block; nav-display: none}", "A B CD"),
        ("* {display:none}", "A B CD"),  # nothing would be left
    ],
)
def test_what_the_style_sheet_hides_is_not_read(make_epub: MakeEpub, css: str, read: str) -> None:
    assert _book(make_epub, _BODY, css) == (read, len("ABCD") - len("".join(read.split())))
    text, _ = _book(make_epub, _BODY, head=f"<style>{css.replace('>', '&gt;')}</style>")
    assert text == read


def test_comments_and_instructions_have_no_style(make_epub: MakeEpub) -> None:
    body = '<p>A</p><!-- <p>B</p> --><?page number="2"?><p class="x">C</p><p>D</p>'
    assert _book(make_epub, body, ".x{display:none}")[0] == "A D"


def test_an_element_that_shows_itself_is_read(make_epub: MakeEpub) -> None:
    body = '<p class="x" style="display:block">A</p><p class="x">B</p><p>C</p>'
    assert _book(make_epub, body, ".x{display:none}")[0] == "A C"


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="alternate stylesheet" href="styles/a%20b.css"/>',
        '<link rel="stylesheet" media="print" href="styles/a%20b.css"/>',
        '<link rel="stylesheet" href="missing.css"/>',
        '<link rel="stylesheet"/>',
    ],
)
def test_a_style_sheet_that_does_not_apply_hides_nothing(make_epub: MakeEpub, link: str) -> None:
    assert _book(make_epub, "<p>A</p><p>B</p>", "p + p, p {display:none}", link=link)[0] == "A B"


@pytest.mark.parametrize(
    "css",
    [
        "/*" * 300_000,
        "p{" * 300_000,
        "p{a:b;" * 150_000,
        '"' * 600_001,
        ".a{display:none}" * 50_000,
        "p{;" * 300_000,
        f"{'body > div ' * 100}p{{display:none}}" * 500,
    ],
)
def test_a_style_sheet_made_to_do_harm_takes_no_time(make_epub: MakeEpub, css: str) -> None:
    started = time.process_time()
    assert _book(make_epub, "<p>A</p>" * 2000, css)[0].startswith("A A")
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("css", "read"),
    [
        (".n{display:block}", "1 The Storm Text."),
        (".t{display:block}", "1 The Storm Text."),
        (".n{display:block; float:left}", "1The Storm Text."),
        (".n{display:block; float:left; position:absolute}", "1The Storm Text."),
        (".n{position:absolute} .c{position:absolute}", "1 The Storm Text."),
        (".n{display:inline-block}", "1The Storm Text."),
        (".n{display:block} .n{display:inline}", "1The Storm Text."),
        ("@media (min-width: 9em) { .n{display:block} }", "1The Storm Text."),
        (".c{display:block}", "1The Storm Text."),  # a drop cap
        ("h1{display:inline}", "1The Storm Text."),
    ],
)
def test_what_stands_on_a_line_of_its_own_is_not_run_together_with_its_neighbours(
    make_epub: MakeEpub, css: str, read: str
) -> None:
    body = (
        '<h1><span class="n">1</span><span class="t">The Storm</span></h1>'
        '<p><span class="c">T</span>ext.</p>'
    )
    assert _book(make_epub, body, css) == (read, 0)


def test_what_floats_beside_a_text_is_not_run_together_with_it(make_epub: MakeEpub) -> None:
    body = '<p><b class="c">W</b>e read<i class="m">Found in a letter.</i>here.</p>'
    read = "We read Found in a letter. here."
    assert _book(make_epub, body, ".c{float:left} .m{float:right}") == (read, 0)


@pytest.mark.parametrize("style", ["display: block", "left: 9px; position: absolute"])
def test_lines_made_by_their_own_style_are_not_run_together(
    make_epub: MakeEpub, style: str
) -> None:
    line = f"<span style='{style}'>{{}}</span>"
    body = f"<p>{line.format('One two')}{line.format('three')}four</p>"
    assert _book(make_epub, body)[0] == "One two three four"


@pytest.mark.parametrize(
    "raised",
    [
        "vertical-align: super",
        "vertical-align: 0.4em; font-size: 70%",
        "vertical-align: +33%",
        "vertical-align: text-top",
        "position: relative; top: -3pt",
        "position: relative; bottom: .5ex",
        "font-variant-position: super",
    ],
)
@pytest.mark.parametrize("in_sheet", [True, False])
def test_numbers_are_raised_in_many_ways(make_epub: MakeEpub, raised: str, in_sheet: bool) -> None:
    attributes = "class='r'" if in_sheet else f"style='{raised}'"
    body = (
        f"<p>A word<span {attributes}>1</span> and 10<span {attributes}>6</span> "
        f"x<small {attributes}>n</small>.</p>"
    )
    assert _book(make_epub, body, f".r{{{raised}}}")[0] == "A word and 10 6 xn."


@pytest.mark.parametrize("placed", ["vertical-align: 0", "vertical-align: -2px", "top: 3px"])
def test_numbers_that_are_not_raised_stay_in_their_word(make_epub: MakeEpub, placed: str) -> None:
    body = f"<p>A word<span style='{placed}'>1</span> and CO<span class='r'>2</span>.</p>"
    assert _book(make_epub, body, f".r{{{placed}}}")[0] == "A word1 and CO2."


def test_numbers_that_a_style_sheet_raises_are_known_as_such(make_epub: MakeEpub) -> None:
    body = (
        '<p>A word<span class="r">1</span> and 10<span class="r">6</span> x<b class="r">n</b>.</p>'
    )
    assert _book(make_epub, body, ".r{vertical-align:super}")[0] == "A word and 10 6 xn."
    assert _book(make_epub, body, ".r{vertical-align:baseline}")[0] == "A word1 and 106 xn."


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ('@import "../x/more.css";', "A"),
        ("@import url( '../x/more.css' ) screen;", "A"),
        ("@charset 'utf-8'; /* @import; */ @IMPORT url(../x/more.css);", "A"),
        ('@import "../x/more.css" print;', "A B"),
        ('/* @import "../x/more.css"; */', "A B"),
        ('@import "gone.css"; @import "http://[";', "A B"),
    ],
)
def test_a_style_sheet_imports_others(make_epub: MakeEpub, rule: str, read: str) -> None:
    page = (
        "<html><head><link rel='stylesheet' href='s/main.css'/></head>"
        "<body><p>A</p><p class='x'>B</p></body></html>"
    )
    files = {
        "EPUB/document-1.xhtml": page.encode(),
        "EPUB/s/main.css": rule.encode(),
        "EPUB/x/more.css": b"@import '../s/main.css'; .x { display: none }",
    }
    book = read_epub(make_epub("<p>x</p>", files=files))
    assert " ".join(book.pages[0].paragraphs) == read


def test_a_running_head_in_the_text_is_not_read(make_epub: MakeEpub) -> None:
    body = "<div style='display: oeb-page-head'>Of Pages, by A</div><p>Read.</p>"
    assert _book(make_epub, body) == ("Read.", 11)
