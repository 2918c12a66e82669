"""Any document gives its text, whatever its encoding, entities or faults of markup."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.audibook.documents import spoken

from audibook import EpubError
from audibook.epub.markup import parse
from audibook.epub.text import document_text


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
    assert spoken("<p>A &AMP; B &LT; C &nosuch;</p>") == ["A & B < C &nosuch;"]
    body = "<p>&#147;It&#x92;s&#148; &#133; caf\u00e9 \x93raw\x94 &#1;&#xD800;&#9999999;end</p>"
    assert spoken(body) == ["“It’s” … café “raw” end"]


def test_entities_are_never_expanded_from_the_document(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    bomb = (
        f'<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file://{secret}">]>'
        "<html><body><p>One &b; &x; Two</p></body></html>"
    )
    text = document_text(parse(bomb.encode(), "page.xhtml")).text
    assert text == "One &b; &x; Two"
