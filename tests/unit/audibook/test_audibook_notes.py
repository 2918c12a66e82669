"""Footnotes, and the raised numbers that are none."""

from __future__ import annotations

import re

import pytest

from audibook.epub.blocks import DocumentText, TextOptions
from audibook.epub.markup import parse
from audibook.epub.text import document_text


def _extract(body: str, options: TextOptions | None = None) -> DocumentText:
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>'
    return document_text(parse(page.encode(), "page.xhtml"), options)


@pytest.mark.parametrize(
    "note",
    [
        "<div class='footnote'><p><a id='f1' href='#r1'>[1]</a> A note.</p></div>",
        "<p class='footnote'><a id='f1' href='chapter.xhtml#r1'>*</a> A note.</p>",
        "<div id='f1'><p class='MsoFootnoteText'><a href='#r1'><span>[1]</span></a> A note.</p>"
        "</div>",
        "<dl class='footnote brackets'><dt><a href='#r1'>1</a></dt><dd>A note.</dd></dl>",
        "<section class='_idFootnotes'><aside class='_idFootnote'><p><a href='#r1'>1</a> A note."
        "</p></aside></section>",
        # calibre, from a text document
        "<dl id='f1' class='footnote'><dt>[<a href='#r1'>←1 </a>]</dt><dd><p>A note.</p></dd></dl>",
        "<div class='endnotes'><h3>Notes</h3><p><a href='#r1'>1</a> A note.</p><p>More.</p></div>",
        "<ol class='footnotes'><li id='f1'>A note. <a href='#r1'>↩</a></li></ol>",
        "<div class='footnotes'><h4>Footnotes</h4><ol><li id='f1'><a href='#r1' title='Go to "
        "John 3:16'>John 3:16</a> <span class='footnote-text'>A note.</span></li></ol></div>",
        "<div class='footnotes'><p>1. A note.</p><p>2. Another.</p></div>",
        "<ol class='duokan-footnote-content'><li class='duokan-footnote-item'>A note.</li></ol>",
    ],
)
def test_notes_are_known_by_their_class_and_by_the_way_back_to_their_mark(note: str) -> None:
    extracted = _extract(f"<p>Text.<a id='r1' href='#f1'>[1]</a></p>{note}")
    assert extracted.text == "Text."
    assert extracted.removed["note"] > 0
    assert "A note." in _extract(note, TextOptions(notes=True)).text


def test_a_note_within_the_text_behind_its_mark_is_not_read() -> None:
    # Sefaria
    body = "<p>Text<sup class='m'>*</sup><i class='footnote'>A note.</i> goes on.</p>"
    assert _extract(body).text == "Text goes on."
    assert "A note." in _extract(body, TextOptions(notes=True)).text


def test_notes_in_the_margin_with_a_box_that_shows_them_are_not_read() -> None:
    toggle = "<label for='n' class='margin-toggle'>⊕</label><input id='n' class='margin-toggle'/>"
    body = f"<p>The text{toggle}<span class='sidenote'>A note.</span> goes on.</p>"
    extracted = _extract(body)
    assert extracted.text == "The text goes on."
    assert (extracted.removed["note"], extracted.removed["note reference"]) == (6, 1)
    heading = "<div class='sidenote'>A stranger arrives.</div>"
    assert _extract(heading).text == "A stranger arrives."


def test_the_signs_between_marks_in_one_pair_of_brackets_go_with_them() -> None:
    one, two = "<span><a href='#n1'>12</a></span>", "<a href='#n2'>15</a>"
    extracted = _extract(f"<p>Text [{one}, {two}] and [{one}–{two}]. No [{one}, or so].</p>")
    assert extracted.text == "Text and . No [, or so]."
    assert extracted.removed["note reference"] == 16


@pytest.mark.parametrize(
    "text",
    [
        "<div class='footnote'>Small print, to which no mark leads.</div>",
        "<p class='footnote'>See <a href='#c2'>the next chapter</a>.</p>",
        "<p>So <span class='footnote'>it is</span> said.</p>",
        "<div class='footnotes'><p>A chapter<a href='#n1'>1</a> in a box of that name.</p></div>",
    ],
)
def test_what_only_looks_like_a_note_is_read(text: str) -> None:
    assert _extract(text).text != ""
    assert "note" not in _extract(text).removed


@pytest.mark.parametrize(
    "mark",
    [
        "1",
        "[1]",
        "(١)",
        "۱",
        "〔1〕",
        "［2］",
        "【3】",
        "（4）",
        "①",
        "※1",
        "注1",
        "[א]",
        "(יב)",
        "*",
        "†",
        "＊",
        "٭",
        "*1",
        "1)",
        "{5}",
        "[*]",
        "[1, 2]",
        "[Note 3]",
    ],
)
def test_marks_of_notes_are_known_in_the_scripts_of_books(mark: str) -> None:
    link = f"<a href='#n1'>{mark}</a>"
    assert _extract(f"<p>מילה{link}. 说过{link}的话。</p>").text == "מילה. 说过的话。"
    opening, closing = ("〔", "〕") if mark.isalnum() else ("", "")
    assert _extract(f"<p>Word{opening}{link}{closing}.</p>").text == "Word."


@pytest.mark.parametrize("mark", ["a", "A", "iv", "1,2", "12b", "1.", "fn 3", "א", "יב"])
@pytest.mark.parametrize("raised", ["<a {}><sup>{}</sup></a>", "<sup><a {}>{}</a></sup>"])
def test_raised_marks_that_lead_to_notes_are_known_with_their_notes(raised: str, mark: str) -> None:
    link = raised.format("href='#f1' id='r1'", mark)
    assert _extract(f"<p>Word{link} goes on.</p>").text == "Word goes on."
    back = raised.format("href='#r1'", mark)
    note = f"<p class='footnote'>{back} A note.</p>"
    assert _extract(f"<p>Word{link} goes on.</p>{note}").text == "Word goes on."


def test_raised_letters_are_marks_of_notes_in_the_order_of_the_alphabet() -> None:
    marks = [f"text<sup>{letter}</sup>" for letter in "abcdef"]
    assert _extract(f"<p>{' '.join(marks)}</p>").text == "text text text text text text"
    assert _extract("<p>We receiv<sup>d</sup> it.</p>").text == "We receivd it."


def test_the_brackets_around_the_mark_of_a_note_go_with_it_where_they_are_elements() -> None:
    body = (
        "<p>So it is<span>[</span><a href='#n1'>1</a><span>]</span>. [<a href='#n2'>2</a>] And so."
        " (<a href='#n3'>3</a> or not)</p>"
    )
    assert _extract(body).text == "So it is. And so. ( or not)"


@pytest.mark.parametrize(
    "sentence",
    [
        "See chapter {}.",
        "(cf. pp. {}, {} and {})",
        "See Figure\xa0{} and Table {}.",
        "as in Kapitel {} steht",
        "ראו פרק {} להלן",
    ],
)
def test_the_number_of_a_chapter_or_page_is_read_where_it_is_a_link(sentence: str) -> None:
    link = "<a href='b.xhtml#c'>12</a>"
    text = sentence.replace("{}", "12").replace("\xa0", " ")
    assert _extract(f"<p>{sentence.replace('{}', link)}</p>").text == text
    assert _extract(
        f"<p>The departed<sup>{link}</sup> and{link} the chapter{link} <a href='#n'>[3]</a>.</p>"
    ).text == ("The departed and the chapter .")


def test_a_word_in_brackets_that_is_no_number_is_read_where_it_is_a_link() -> None:
    body = "".join(f" [<a href='#{n}'>{n}</a>]," for n in ("LXC", "civil", "xiv", "Vic", "C"))
    linked = "".join(f" <a href='#{n}'>[{n}]</a>," for n in ("LXC", "civil", "xiv", "cc", "xli"))
    assert _extract(f"<p>See{body}</p>").text == "See [LXC], [civil], [xiv], [Vic], [C],"
    assert _extract(f"<p>See{linked}</p>").text == "See [LXC], [civil], , , ,"


@pytest.mark.parametrize(
    ("body", "text"),  # None: as it is
    [
        (
            "<sup>1</sup>In the beginning.<sup>2</sup>And it was so. <sup class='v'>3</sup>Then",
            "1 In the beginning. 2 And it was so. 3 Then",
        ),
        ("<sup>א</sup>בראשית <sup>2</sup>והארץ", "א בראשית 2 והארץ"),
        ("<b><sup>1</sup></b>In the beginning.<b><sup>2</sup></b>And", "1 In the beginning. 2 And"),
        (
            "<span class='chapter-num'>1:1</span><span class='verse-num'>1</span>In it.",
            "1:1 1 In it.",
        ),
        ("5 kilometres<sup>2</sup>, 8 metres per second<sup>2</sup>", None),
        ("In feet<sup>2</sup> and many a metre.<sup>3</sup>", "In feet and many a metre."),
        ("10<sup>6</sup> people in 10<sup>-3</sup> s", "10 6 people in 10 -3 s"),
        ("E = mc<sup>2</sup>, 5 km<sup>2</sup>, the 21<sup>st</sup>", "E = mc2, 5 km2, the 21st"),
        ("So it is.<sup>2</sup> And so.<sup>3</sup>", "So it is. And so."),
        ("אמר האיש<sup>א</sup> והלך.<sup>יב</sup> <sup>ג</sup>וישב", "אמר האיש והלך. ג וישב"),
        (
            "他说过<sup>2</sup>的话<sup>①</sup>，又<sup>[3]</sup>说。<sup>注4</sup>",
            "他说过的话，又[3]说。",
        ),
        ("十平方公里<sup>2</sup>，25公里<sup>2</sup>", "十平方公里，25公里2"),
        ("In 1984<sup>2</sup> it<sup>14</sup> was 5 %.<sup>6</sup>", "In 1984 it was 5 %."),
        ("הוּא<sup>4</sup> אָמַר שָׁלוֹם<sup>2</sup> לָהּ", "הוּא אָמַר שָׁלוֹם לָהּ"),
        (
            "Word<sup>a</sup> is. So.<sup>b</sup> And XX<sup>e</sup> siècle, 1<sup>a</sup> vez.",
            "Word is. So. And XXe siècle, 1a vez.",
        ),
        (
            "Word<span class='superscript'>1</span> and word<span style='vertical-align: super'>2"
            "</span>, 10<span class='sup'>6</span>.",
            "Word and word, 10 6.",
        ),
        ("そうです。<sup>1</sup>次の文。", "そうです。次の文。"),
        (
            "Word<sup>1,2</sup> and word.<sup>3–5</sup> Word<sup><a href='#a'>1</a>, <a href='#b'>2"
            "</a></sup>, 10<sup>-3</sup>, x<sup>1,2</sup>",
            "Word and word. Word, 10 -3, x1,2",
        ),
        (
            "(a+b)<sup>2</sup>, (2x − 1)<sup>3</sup>, (as was said)<sup>2</sup>, (1+1)<sup>4</sup>",
            "(a+b) 2, (2x − 1) 3, (as was said), (1+1)",
        ),
    ],
)
def test_raised_numbers_of_verses_and_powers_are_read_and_those_of_notes_are_not(
    body: str, text: str | None
) -> None:
    assert _extract(f"<p>{body}</p>").text == (text or re.sub("<.*?>", "", body))


def test_a_heading_that_is_a_picture_is_read() -> None:
    body = (
        "<h1><img src='1.png' alt='CHAPTER ONE'/></h1><h2><span><img src='a' alt='The'/><img "
        "src='b' alt='Start'/></span></h2><h3><img src='x' alt='image7'/></h3><h3>Words<img "
        "src='x' alt='A ship'/></h3><h4><img src='x' alt='ch1.png'/></h4><p><img alt='A cat'/></p>"
    )
    texts = [block.text for block in _extract(body).blocks]
    assert texts == ["CHAPTER ONE", "The Start", "Words"]


def test_the_picture_of_a_first_letter_is_read_as_that_letter() -> None:
    body = (
        "<p><img src='o.png' alt='O'/>nce. <span><b><img src='h.png' alt='H'/></b></span>e said. "
        "<img src='x.png' alt='X'/> marks it.<img src='c.png' alt='A cat'/></p>"
        "<p><span><img src='a.png' alt='A'/></span> man came.</p><p><img alt='i'/> note</p>"
        "<p><img src='l.png' alt='L'/>’homme</p>"
    )
    texts = [block.text for block in _extract(body).blocks]
    assert texts == ["Once. He said. marks it.", "A man came.", "note", "L’homme"]


def test_a_formula_that_is_a_picture_is_read_by_its_words() -> None:
    body = (
        "<p>So <img class='math' src='1' alt='x plus one'/> and <img role='math' src='2' alt='y'/>,"
        " <img class='equation' src='3' alt='\\frac{1}{2}'/>not <img class='map' alt='A map'/>"
        "<span><math><mi>z</mi></math><img class='math-fallback' src='4' alt='z'/></span>.</p>"
    )
    assert _extract(body).text == "So x plus one and y, not z."
    rare = (
        "<p><img class='gaiji' src='g.png' alt='髙'/>橋さん<img class='gaiji' alt='〓'/>です。</p>"
    )
    assert _extract(rare).text == "髙橋さんです。"
