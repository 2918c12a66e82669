"""What of a document is read aloud, and how it is cut into blocks."""

from __future__ import annotations

import pytest
from tests.unit.audibook.documents import extract, spoken

from audibook.epub.blocks import TextOptions


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
    assert spoken(body) == texts


def test_a_typical_chapter_gives_its_heading_and_each_paragraph() -> None:
    body = (
        "<h1>Chapter 1</h1><p>First paragraph.</p>"
        "<p>Second paragraph with <em>emphasis</em> and <strong>bold</strong> text.</p>"
    )
    extracted = extract(body)
    assert extracted.text == (
        "Chapter 1\n\nFirst paragraph.\n\nSecond paragraph with emphasis and bold text."
    )
    assert extracted.heading == "Chapter 1"


def test_a_page_break_of_a_kindle_book_parts_the_words_beside_it() -> None:
    assert spoken("<div>One<pagebreak/>Two</div>") == ["One", "Two"]


def test_a_drop_cap_stays_with_its_word() -> None:
    assert spoken("<p><span class='cap'>T</span>he end was un<em>believ</em>able.</p>") == [
        "The end was unbelievable."
    ]
    assert spoken("<p><b>ה</b>ערפד</p>") == ["הערפד"]


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
    assert spoken(body) == texts


@pytest.mark.parametrize(
    "body",
    [
        "<p><span aria-label='Once'><b aria-hidden='true'>O</b><i aria-hidden='true'>nce</i></span>"
        " so.</p>",
        "<p aria-label='Once so.'><span aria-hidden='true'><b>O</b>nce so.</span></p>",
        "<p><span aria-hidden='true'>O</span><span class='sr'>Once</span> so.</p>",
        "<p><span aria-hidden='true'>O</span><span aria-hidden='true'>nce</span> so.</p>",
        "<p><span aria-hidden='true'><b>O</b>nce</span> so.</p>",
        "<p><span aria-hidden='true'>O</span><i aria-hidden='true'>nce</i><q>Once</q> so.</p>",
        "<p><q>Once</q><span aria-hidden='true'>O</span><i aria-hidden='true'>nce</i> so.</p>",
    ],
)
def test_a_drop_cap_that_is_hidden_from_screen_readers_costs_no_word(body: str) -> None:
    assert spoken(body) == ["Once so."]


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
    assert spoken(f"<p>The sentence ends{reference}. Next.</p>") == ["The sentence ends. Next."]
    assert spoken(f"<p>סוף המשפט{reference}. הבא.</p>") == ["סוף המשפט. הבא."]


@pytest.mark.parametrize("number", ["12", "[3]", "<span>7</span>"])
def test_a_heading_that_is_a_number_and_leads_to_the_contents_is_read(number: str) -> None:
    text = number.removeprefix("<span>").removesuffix("</span>")
    assert spoken(f"<h2><a href='toc.xhtml#c'>{number}</a></h2><p>Text.</p>") == [text, "Text."]
    assert spoken(f"<h2>The Storm<a href='#n1'>{number}</a></h2>") == ["The Storm"]


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
    read = spoken(f"<p>See {text} there.</p>")[0]
    assert len(read) > len("See there."), read


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<aside epub:type='footnote'>A note.</aside>", "note"),
        ("<section role='doc-endnotes'><p>Notes.</p></section>", "note"),
        ("<div hidden='hidden'>Unseen</div>", "hidden"),
        ("<div style='display: none'>Unseen</div>", "hidden"),
        ("<dialog>Unseen</dialog>", "hidden"),
        ("<aside popover='auto'>Unseen</aside>", "hidden"),
        ("<noframes>Unseen</noframes>", "script"),
        ("<progress value='1' max='2'>Unseen</progress>", "form"),
        ("<nav epub:type='toc'><ol><li>One</li></ol></nav>", "navigation"),
        ("<object type='image/svg+xml' data='x.svg'>12</object>", "media fallback"),
        ("<object data='x.JPG'><p>A ship</p></object>", "media fallback"),
        ("<span epub:type='pagebreak' id='p1'>12</span>", "page number"),
        ("<span class='pagenum'>[Pg 12]</span>", "page number"),
        ("<span id='page_12'>{12}</span>", "page number"),
        ("<span class='pagenum'><a id='Page_5'>[S. 5]</a></span>", "page number"),
        ("<span class='pagenum'>— 12 —</span>", "page number"),
        ("<span class='pageno'>[עמוד 12]</span>", "page number"),
        ("<span class='x-ebookmaker-pageno'>[Sida 12/300]</span>", "page number"),
        ("<span id='page_12'>[Pág. 12]</span>", "page number"),
        ("<a id='Page_xii'>p. xii</a>", "page number"),
        ("<pagenum id='p12' page='normal'>12</pagenum>", "page number"),
        ("<noteref idref='#n'>1</noteref><note id='n'><p>A note.</p></note>", "note"),
        ("<span class='lineno'>10</span>", "line number"),
        ("<div class='linenos'><pre><span>1</span>\n<span>2</span></pre></div>", "line number"),
        ("<audio>No player</audio>", "media fallback"),
    ],
)
def test_what_is_left_out_is_counted_under_the_name_of_its_rule(body: str, rule: str) -> None:
    extracted = extract(f"<p>Kept.</p>{body}")
    assert extracted.text == "Kept."
    assert extracted.removed[rule] > 0


def test_a_line_of_chinese_or_japanese_goes_on_in_the_next_without_a_space() -> None:
    assert spoken("<p>一行の\n   文、\r\n次。</p>") == ["一行の文、次。"]
    assert spoken("<p>한국\n어 A\n文 B</p><pre>一行\n二行</pre>") == ["한국 어 A 文 B", "一行 二行"]


def test_only_the_base_of_a_ruby_annotation_is_read() -> None:
    assert spoken("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字</p>") == ["漢字"]


def test_a_formula_is_read_by_its_alternative_text() -> None:
    math = "<math xmlns='http://www.w3.org/1998/Math/MathML' alttext='x squared'><mi>x</mi></math>"
    assert spoken(f"<p>Let {math} be.</p>") == ["Let x squared be."]


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
    extracted = extract(f"<p>Let {math} be.</p>")
    assert extracted.text == f"Let {text} be."
    assert extracted.removed.total() == ("annotation" in formula)


def test_options_leave_out_elements_and_inline_text_and_keep_notes() -> None:
    body = "<nav>Menu</nav><p>Text</p><footer>Foot</footer>"
    assert spoken(body, TextOptions(exclude_elements=frozenset({"footer"}))) == ["Text"]
    loose = "<p>Block</p><span>Inline</span>"
    assert spoken(loose, TextOptions(inline_elements=False)) == ["Block"]
    note = "<aside epub:type='footnote'>A note.</aside>"
    assert spoken(note, TextOptions(notes=True)) == ["A note."]
