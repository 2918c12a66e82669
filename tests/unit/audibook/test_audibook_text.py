"""What of a document is read aloud, and how it is cut into blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from audibook import EpubError
from audibook.epub.blocks import DocumentText, TextOptions
from audibook.epub.markup import parse
from audibook.epub.text import document_text

_OPS = 'xmlns:epub="http://www.idpf.org/2007/ops"'


def _extract(body: str, options: TextOptions | None = None) -> DocumentText:
    page = f'<html xmlns="http://www.w3.org/1999/xhtml" {_OPS}><body>{body}</body></html>'
    return document_text(parse(page.encode(), "page.xhtml"), options)


def _texts(body: str, options: TextOptions | None = None) -> list[str]:
    return [block.text for block in _extract(body, options).blocks]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("<p>First.</p><p>Second.</p>", ["First.", "Second."]),
        ("<h1>One</h1><h2>Two</h2><h3>Three</h3>", ["One", "Two", "Three"]),
        ("<div><p>Once.</p></div>", ["Once."]),
        (
            "<section><article><div><p>A</p></div></article></section><div><h2>B</h2><p>C</p></div>",
            ["A", "B", "C"],
        ),
        (
            "<div><span>Inline text</span> <em>Emphasized text</em></div>",
            ["Inline text Emphasized text"],
        ),
        ("<span>Alone</span><em>Also alone</em>", ["Alone", "Also alone"]),
        ("<p>Kept.</p><script>no()</script><style>p{}</style>", ["Kept."]),
        ("<p></p><p>  </p><div><p>\n</p></div>", []),
        ("<ul><li>One</li><li>Two</li></ul>", ["One", "Two"]),
        ("<blockquote>Quoted</blockquote><main><p>In main</p></main>", ["Quoted", "In main"]),
        ("<article><h2>Heading</h2></article>", ["Heading"]),
        ("<div><img src='x.png'/></div>", []),
        ("<p><strong><em><span>Once only</span></em></strong></p>", ["Once only"]),
        ("Bare text of the body", ["Bare text of the body"]),
        ("<p>שלום עולם 🙂 &amp; &lt;tag&gt;</p>", ["שלום עולם 🙂 & <tag>"]),
        ("<div><section><article>" * 50 + "<p>Deep content</p>" + "</article></section></div>" * 50,
         ["Deep content"]),
        ("<p>One</p><p><a id='anchor'/> Two <a href='x'> </a> three</p>", ["One", "Two three"]),
    ],
)  # fmt: skip
def test_the_blocks_of_a_document_are_read_in_order(body: str, texts: list[str]) -> None:
    assert _texts(body) == texts


def test_a_typical_chapter_gives_its_heading_and_each_paragraph() -> None:
    body = (
        "<h1>Chapter 1</h1><p>First paragraph.</p>"
        "<p>Second paragraph with <em>emphasis</em> and <strong>bold</strong> text.</p>"
    )
    extracted = _extract(body)
    assert extracted.text == (
        "Chapter 1\n\nFirst paragraph.\n\nSecond paragraph with emphasis and bold text."
    )
    assert extracted.heading == "Chapter 1"


def test_a_page_break_of_a_kindle_book_parts_the_words_beside_it() -> None:
    assert _texts("<div>One<pagebreak/>Two</div>") == ["One", "Two"]


def test_a_drop_cap_stays_with_its_word() -> None:
    assert _texts("<p><span class='cap'>T</span>he end was un<em>believ</em>able.</p>") == [
        "The end was unbelievable."
    ]
    assert _texts("<p><b>ה</b>ערפד</p>") == ["הערפד"]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("<div>Before <p>inside</p> after</div>", ["Before", "inside", "after"]),
        ("Bare <p>block</p> tail", ["Bare", "block", "tail"]),
        (
            "<table><tr><th>Name</th><td>12</td></tr></table><dl><dt>Term</dt><dd>Meaning</dd></dl>",
            ["Name", "12", "Term", "Meaning"],
        ),
        ("<figure><img/><figcaption>A ship</figcaption></figure>", ["A ship"]),
        ("<figure><img/><figcaption aria-hidden='true'>A</figcaption></figure>", ["A"]),
        ("<pre>one\n  two</pre>", ["one two"]),
        ("<p>line one<br/>line two</p>", ["line one line two"]),
        ("<p>a<!-- comment -->b<?pi x?>c</p>", ["abc"]),
        ("<p>soft\u00adhyphen</p>", ["softhyphen"]),
    ],
)
def test_no_text_is_lost_beside_or_between_blocks(body: str, texts: list[str]) -> None:
    assert _texts(body) == texts


@pytest.mark.parametrize(
    "body",
    [
        "<p><span aria-label='Once'><b aria-hidden='true'>O</b><i aria-hidden='true'>nce</i></span>"
        " so.</p>",
        "<p aria-label='Once so.'><span aria-hidden='true'><b>O</b>nce so.</span></p>",
        "<p><span aria-hidden='true'>O</span><span class='sr'>Once</span> so.</p>",
    ],
)
def test_a_drop_cap_that_is_hidden_from_screen_readers_costs_no_word(body: str) -> None:
    assert _texts(body) == ["Once so."]


@pytest.mark.parametrize(
    "reference",
    [
        "<a href='#fn7'>7</a>",
        "<sup><a href='notes.xhtml#n8'>8</a></sup>",
        "<a href='#n9'><sup>9</sup></a>",
        "[<a href='#n10'>10</a>]",
        "<a href='#n12'>[12]</a>",
        "<a href='#n13'>*</a>",
        "<a epub:type='noteref' href='notes.xhtml'>note</a>",
        "<a role='doc-noteref' href='notes.xhtml'>1984</a>",
        "<sup>3</sup>",
    ],
)
def test_the_mark_of_a_footnote_is_not_read(reference: str) -> None:
    assert _texts(f"<p>The sentence ends{reference}. Next.</p>") == ["The sentence ends. Next."]
    assert _texts(f"<p>סוף המשפט{reference}. הבא.</p>") == ["סוף המשפט. הבא."]


@pytest.mark.parametrize("number", ["12", "[3]", "<span>7</span>"])
def test_a_heading_that_is_a_number_and_leads_to_the_contents_is_read(number: str) -> None:
    text = number.removeprefix("<span>").removesuffix("</span>")
    assert _texts(f"<h2><a href='toc.xhtml#c'>{number}</a></h2><p>Text.</p>") == [text, "Text."]
    assert _texts(f"<h2>The Storm<a href='#n1'>{number}</a></h2>") == ["The Storm"]


@pytest.mark.parametrize(
    "text",
    [
        "<a href='#c1'>Chapter 1</a>",
        "<a href='#a'>Section A</a>",
        "<a href='y.xhtml#y'>1984</a>",
        "x<sup>2</sup>",
        "1<sup>st</sup>",
    ],
)
def test_a_link_or_superscript_that_is_no_footnote_mark_is_read(text: str) -> None:
    read = _texts(f"<p>See {text} there.</p>")[0]
    assert len(read) > len("See there."), read


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<aside epub:type='footnote'>A note.</aside>", "note"),
        ("<section role='doc-endnotes'><p>Notes.</p></section>", "note"),
        ("<div hidden='hidden'>Unseen</div>", "hidden"),
        ("<div style='display: none'>Unseen</div>", "hidden"),
        ("<nav epub:type='toc'><ol><li>One</li></ol></nav>", "navigation"),
        ("<span epub:type='pagebreak' id='p1'>12</span>", "page number"),
        ("<span class='pagenum'>[Pg 12]</span>", "page number"),
        ("<span id='page_12'>{12}</span>", "page number"),
        ("<a id='Page_xii'>p. xii</a>", "page number"),
        ("<pagenum id='p12' page='normal'>12</pagenum>", "page number"),
        ("<noteref idref='#n'>1</noteref><note id='n'><p>A note.</p></note>", "note"),
        ("<span class='lineno'>10</span>", "line number"),
        ("<div class='linenos'><pre><span>1</span>\n<span>2</span></pre></div>", "line number"),
        ("<audio>No player</audio>", "media fallback"),
    ],
)
def test_what_is_left_out_is_counted_under_the_name_of_its_rule(body: str, rule: str) -> None:
    extracted = _extract(f"<p>Kept.</p>{body}")
    assert extracted.text == "Kept."
    assert extracted.removed[rule] > 0


def test_a_line_of_chinese_or_japanese_goes_on_in_the_next_without_a_space() -> None:
    assert _texts("<p>一行の\n   文、\r\n次。</p>") == ["一行の文、次。"]
    assert _texts("<p>한국\n어 A\n文 B</p><pre>一行\n二行</pre>") == ["한국 어 A 文 B", "一行 二行"]


def test_only_the_base_of_a_ruby_annotation_is_read() -> None:
    assert _texts("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字</p>") == ["漢字"]


def test_a_formula_is_read_by_its_alternative_text() -> None:
    math = "<math xmlns='http://www.w3.org/1998/Math/MathML' alttext='x squared'><mi>x</mi></math>"
    assert _texts(f"<p>Let {math} be.</p>") == ["Let x squared be."]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<mi>x</mi><!-- Made by hand --><mo>=</mo><?by hand?><mn>1</mn>", "x=1"),
        ("<mfrac><mn>1</mn><mn>2</mn></mfrac>", "1 2"),
        ("<mtext>all <b>of</b> it</mtext>", "all of it"),
        ("<semantics><mi>x</mi><annotation-xml><ci>x</ci></annotation-xml></semantics>", "x"),
    ],
)
def test_a_formula_without_alternative_text_is_read_as_it_is_shown(formula: str, text: str) -> None:
    math = f"<math xmlns='http://www.w3.org/1998/Math/MathML'>{formula}</math>"
    extracted = _extract(f"<p>Let {math} be.</p>")
    assert extracted.text == f"Let {text} be."
    assert extracted.removed.total() == ("annotation" in formula)


def test_a_list_of_links_to_the_chapters_is_not_read() -> None:
    links = "".join(f"<p><a href='c{n}.xhtml'>Chapter {n}</a></p>" for n in range(1, 6))
    extracted = _extract(f"<h1>Title</h1><h2>Contents</h2>{links}<p>It began.</p>")
    assert [block.text for block in extracted.blocks] == ["Title", "It began."]
    assert extracted.removed["contents list"] > 0
    assert "Chapter 3" in _extract(links, TextOptions(contents_lists=True)).text


@pytest.mark.parametrize(
    "anchor", ["<a id='p{}'>", "<a name='p{}'>", "<a href='https://x.org/{}'>"]
)
def test_anchors_and_links_out_of_the_book_make_no_contents_list(anchor: str) -> None:
    texts = [f"Sentence {n}." for n in range(4)]
    assert (
        _texts("".join(f"<p>{anchor.format(n)}{t}</a></p>" for n, t in enumerate(texts))) == texts
    )


def test_an_anchor_that_is_never_closed_costs_no_text() -> None:
    page = "<html><body><a name='c1'><h2>One</h2><p>First.<p>Second.<p>Third.<p>Fourth.</body>"
    assert len(document_text(parse(page.encode(), "page.html")).blocks) == 5


@pytest.mark.parametrize("title", ["Spis treści", "Innehållsförteckning", "İçindekiler", "目錄"])
def test_the_heading_of_a_contents_list_goes_with_it_in_many_languages(title: str) -> None:
    links = "".join(f"<li><a href='c{n}.xhtml#sec:{n}'>Title {n}</a></li>" for n in range(4))
    assert _texts(f"<h1>{title}</h1><ul>{links}</ul><p>Text.</p>") == ["Text."]


def test_links_are_read_in_a_list_of_which_other_items_are_none() -> None:
    items = ["Source (mandatory)", "Version (mandatory)", "Homepage", "Testsuite", "Uploaders"]
    fields = "".join(
        f"<li><p><a href='c.xhtml#{n}'>{field.split()[0]}</a>{field[len(field.split()[0]) :]}</p>"
        "</li>"
        for n, field in enumerate(items)
    )
    assert _texts(f"<p>These are the fields.</p><ul>{fields}</ul>")[1:] == items
    chapters = "".join(f"<li><a href='c{n}.xhtml'>Chapter {n}</a></li>" for n in range(3))
    parts = f"<ul><li>Part One<ul>{chapters}</ul></li><li>Part Two<ul>{chapters}</ul></li></ul>"
    assert _texts(parts) == ["Part One", "Part Two"]


def test_headings_of_one_chapter_that_lead_to_the_contents_are_read() -> None:
    levels = enumerate(("Part One", "1", "The Storm"), 1)
    body = "".join(f"<h{n}><a href='toc.xhtml#c'>{t}</a></h{n}>" for n, t in levels)
    texts = ["Part One", "1", "The Storm", "Text."]
    assert _texts(f"{body}<p>Text.</p>") == texts
    paragraphs = "".join(f"<p><a href='toc.xhtml#c'>{text}</a></p>" for text in texts)
    assert _texts(paragraphs) == texts
    callout = "<table><tr><td><p><a href='#co2'>2</a></p></td><td>Entry point.</td></tr></table>"
    assert _texts(callout) == ["Entry point."]


def test_paragraphs_that_lead_to_their_translations_are_read() -> None:
    texts = [f"{n}. " + "It was a dark and stormy night, and the rain fell. " * 4 for n in range(4)]
    body = "".join(f"<p><a href='he.xhtml#p{n}'>{text}</a></p>" for n, text in enumerate(texts))
    assert _texts(body) == [text.strip() for text in texts]


def test_lines_of_a_poem_that_lead_to_a_commentary_are_read() -> None:
    lines = ["Of arms and the man", "I sing, who first", "came from Troy,", "by fate exiled,"]
    places = enumerate(lines, 1)
    poem = "".join(f"<p><a href='notes.xhtml#l{n}'>{line}</a></p>" for n, line in places)
    assert _texts(poem) == lines


def test_sentences_that_lead_to_what_is_said_of_them_in_one_document_are_read() -> None:
    sentences = ["Das ist ein Haus.", "Wo ist es?", "Es ist hier."]
    pairs = "".join(f"<p><a href='#en{n}'>{text}</a></p>" for n, text in enumerate(sentences))
    assert _texts(f"<h1>Lesson</h1>{pairs}") == ["Lesson", *sentences]
    assert _texts(f"<h1>Contents</h1>{pairs}<p>Text.</p>") == ["Text."]
    assert _texts(pairs.replace("#en", "chapter-") + "<p>Text.</p>") == ["Text."]


def test_two_links_in_a_row_are_text() -> None:
    links = "<p><a href='a'>One</a></p><p><a href='b'>Two</a></p>"
    assert _texts(links) == ["One", "Two"]
    assert _texts(f"<h1>Contents</h1>{links}<p>Text.</p>") == ["Text."]


@pytest.mark.parametrize(
    "entry",
    [
        "<tr><td>{roman}.</td><td><a href='c.xhtml#{n}'>The Storm</a></td></tr>",
        "<tr><td><a href='c.xhtml#{n}'>The Storm</a></td><td>{n}</td></tr>",
        "<li>Chapter {n}: <a href='c.xhtml#{n}'>The Storm</a></li>",
        "<li>פרק {n} <a href='c.xhtml#{n}'>הסערה</a></li>",
        "<p>{n}. The Storm . . . . . . {n}7</p>",
        "<p>The Storm ............ {n}7</p>",
    ],
)
def test_a_contents_list_is_known_with_its_numbers(entry: str) -> None:
    entries = "".join(
        entry.format(n=n, roman=roman) for n, roman in enumerate(("I", "II", "III"), 1)
    )
    chapter = "<p>CHAPTER I</p><p>It began.</p>"
    for contents in (f"<table>{entries}</table>", f"<p>Contents</p><div>{entries}</div>"):
        assert _texts(f"<h1>Title</h1>{contents}{chapter}") == ["Title", "CHAPTER I", "It began."]


@pytest.mark.parametrize(
    "entries",
    [
        "<p>{}<br/>{}<br/>{}</p>",
        "<div>{} | {} | {}</div>",
        "<p>{}, by A. Smith</p><p>{}, by B. Jones</p><p>{}, by C. Roe</p>",
        "<ul><li>{} <i>A. Smith</i></li><li>{} <i>B. Jones</i></li><li>{}</li></ul>",
    ],
)
def test_what_stands_under_the_heading_of_contents_is_a_list_however_it_is_set(
    entries: str,
) -> None:
    links = [f"<a href='{n}.xhtml'>The Part {n}</a>" for n in "abc"]
    following = "<h2>Preface</h2><p>Text with <a href='x.xhtml'>a link</a>.</p>"
    texts = ["Preface", "Text with a link."]
    assert _texts(f"<h2>Contents</h2>{entries.format(*links)}{following}") == texts
    # Under another heading they are text.
    read = _texts(f"<h2>The Parts</h2>{entries.format(*links)}{following}")
    assert " ".join(read).count("The Part ") == 3
    # As is a text that has that heading.
    text = f"<h2>Contents</h2><p>{links[0]} of this box is unknown.</p><p>It is shut.</p>"
    assert _texts(text) == ["Contents", "The Part a of this box is unknown.", "It is shut."]


@pytest.mark.parametrize("before", ["What do you do?", "They sailed on three seas:", "והאיים הם:"])
def test_links_which_a_sentence_leads_up_to_are_read(before: str) -> None:
    names = ["Open the door", "Run away", "Shout for help"]
    links = "".join(f"<p><a href='c.xhtml#{n}'>{name}</a></p>" for n, name in enumerate(names))
    assert _texts(f"<p>{before}</p>{links}") == [before, *names]
    assert _texts(f"<p>Contents:</p>{links}<p>Text.</p>") == ["Text."]
    assert _texts(f"<h1>{before}</h1>{links}<p>Text.</p>") == [before, "Text."]
    assert _texts(f"<p>{before}</p>{links * 5}<p>Text.</p>") == [before, "Text."]


def test_options_leave_out_elements_and_inline_text_and_keep_notes() -> None:
    body = "<nav>Menu</nav><p>Text</p><footer>Foot</footer>"
    assert _texts(body, TextOptions(exclude_elements=frozenset({"footer"}))) == ["Text"]
    loose = "<p>Block</p><span>Inline</span>"
    assert _texts(loose, TextOptions(inline_elements=False)) == ["Block"]
    note = "<aside epub:type='footnote'>A note.</aside>"
    assert _texts(note, TextOptions(notes=True)) == ["A note."]


@pytest.mark.parametrize(
    "document",
    [
        "<html><body><p>One<p>Two & three</body>",
        "<html><body><p>One</b></p><div>Two &nbsp; &unknown; three",
        "<p>One</p><p>Two</p>",
        "<html><head><title/></head><body><a id='x'/>One <i>Two</body></html>",
        "<html><body><p>One \x0b Two</p></body></html>",
        "<html><body><p>One &eacute; Two &#0; 3 < 4</p></body></html>",
        "<html><body><p><![CDATA[One <Two>]]> & <![CDATA[ three</p></body></html>",
    ],
)
def test_a_malformed_document_still_gives_its_text(document: str) -> None:
    text = document_text(parse(document.encode(), "page.html")).text
    assert "One" in text and "Two" in text


@pytest.mark.parametrize(
    "page",
    [
        "<html><head><title>T</title></head><p>One</p><p>Two</p></html>",
        "<html><head/><body><p>One</p></body><body><p>Two</p></body></html>",
        "<html><body><p>One</p></body><p>Two</p></html>",
        "<html><body><p>One</p></body>Two</html>",
        "<span><p>One</p>Two</span>",
        # Two documents in one file, and an end before the end.
        "<html><head><title>T</title></head><body><p>One</p></body></html>"
        "<html><head><title>U</title></head><body><p>Two</p></body></html>",
        "<?xml version='1.0'?><html><body><p>One</p></html></body><p>Two</p>",
        "<html><body><p>One</p></body></html>Two<!-- end -->",
    ],
)
def test_text_that_is_not_in_the_one_body_is_read(page: str) -> None:
    text = document_text(parse(page.encode(), "page.xhtml"))
    assert [block.text for block in text.blocks] == ["One", "Two"]


def test_more_text_in_one_piece_than_can_be_read_is_refused_not_dropped() -> None:
    for page in (f"<p>{'word ' * 2_100_000}</p>", f"<p>One<br>{'word ' * 2_100_000}</p>"):
        with pytest.raises(EpubError, match="'x' in the EPUB has more than ten million characters"):
            parse(page.encode(), "x")


def test_a_document_that_is_no_text_is_refused_not_read_aloud() -> None:
    locked = bytes(range(256)) * 20
    for data in (locked, b"<html><body><p>Text.</p>" + locked):
        with pytest.raises(EpubError, match="'x' in the EPUB holds no text but other data: it is"):
            parse(data, "x")


@pytest.mark.parametrize(
    ("encoding", "declaration", "language", "text"),
    [
        ("utf-8", "", "he", "שלום"),
        ("utf-8-sig", "", "en", "naïve"),
        ("utf-16", "", "en", "naïve"),
        ("cp1255", "<?xml version='1.0' encoding='windows-1255'?>", "en", "שלום"),
        ("iso-8859-8", "<?xml version='1.0' encoding='ISO-8859-8'?>", "he", "שלום"),
        ("cp1255", "", "he", "שלום"),
        ("cp1252", "", "en", "naïve “quoted”"),
        ("cp1251", "<meta charset='windows-1251'/>", "en", "Привет"),
        ("cp1255", "<?xml version='1.0' encoding='utf-8'?>", "he", "שלום"),
        ("utf-8", "<?xml version='1.0' encoding='no-such-thing'?>", "en", "naïve"),
        ("utf-8", "<?xml version='1.0' encoding='rot13'?>", "en", "naïve"),
        ("utf-8", "<?xml version='1.0' encoding='unicode_escape'?>", "en", "C:\\ud800 naïve"),
        ("utf-8", "<?xml version='1.0' encoding='utf-16'?>", "en", "plain"),
        ("utf-8", "<?xml version='1.0' encoding='utf-16'?>", "en", "plain!"),
        ("utf-8", "<meta charset='windows-1252'/>", "he", "שלום"),
        ("cp1252", "<?xml version='1.0' encoding='ISO-8859-1'?>", "en", "It’s “quoted” — café…"),
        ("cp1255", "<?xml version='1.0' encoding='iso-8859-8-i'?>", "", "שָׁלוֹם"),
        ("gbk", "<?xml version='1.0' encoding='gb2312'?>", "zh", "镕基"),
        ("cp932", "<?xml version='1.0' encoding='Shift_JIS'?>", "ja", "①番"),
        ("cp1255", "", "iw", "שלום"),
        ("cp1255", "", "heb", "שלום"),
        # Neither the document nor the book says it.
        ("cp1255", "", "en", "הָאָרֶץ הייתה תוהו ובוהו, and so on."),
        ("cp1252", "", "en", "L’été à la plage où dînèrent élève et maître"),
        ("cp1252", "", "fr", "De Paris à Lyon, de Lyon à Nice"),
        ("koi8-r", "", "ru", "Все счастливые семьи похожи друг на друга."),
        ("cp1251", "", "ru", "Все счастливые семьи похожи друг на друга."),
        ("cp1251", "", "uk", "ЇХНЄ життя"),
    ],
)
def test_any_encoding_is_read(encoding: str, declaration: str, language: str, text: str) -> None:
    page = f"{declaration}<html><body><p>{text}</p></body></html>"
    root = parse(page.encode(encoding), "page.xhtml", language)
    assert document_text(root).text == text


@pytest.mark.parametrize("declaration", ["", "<?xml version='1.0' encoding='utf-8'?>"])
def test_one_damaged_byte_costs_no_more_than_itself(declaration: str) -> None:
    page = f"{declaration}<html><body><p>שלום # לכולם, ולכל מי שבא</p></body></html>".encode()
    root = parse(page.replace(b"#", b"\x93"), "page.xhtml", "he")
    assert document_text(root).text == "שלום \ufffd לכולם, ולכל מי שבא"


def test_characters_are_read_by_the_names_and_numbers_that_browsers_know() -> None:
    assert _texts("<p>A &AMP; B &LT; C &nosuch;</p>") == ["A & B < C &nosuch;"]
    body = "<p>&#147;It&#x92;s&#148; &#133; caf\u00e9 \x93raw\x94 &#1;&#xD800;&#9999999;end</p>"
    assert _texts(body) == ["“It’s” … café “raw” end"]


def test_entities_are_never_expanded_from_the_document(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    bomb = (
        f'<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file://{secret}">]>'
        "<html><body><p>One &b; &x; Two</p></body></html>"
    )
    text = document_text(parse(bomb.encode(), "page.xhtml")).text
    assert text == "One &b; &x; Two"
