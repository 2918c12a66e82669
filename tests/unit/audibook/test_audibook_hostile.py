"""EPUBs that were made to do harm, and ones that merely went wrong in every way."""

from __future__ import annotations

import random
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from audibook import EpubError, sample_book
from audibook.epub import read_cover, read_epub, read_metadata

MakeEpub = Callable[..., Path]

_SECRET = "the secret of this machine"


def _package(*items: str, spine: str = "<itemref idref='x'/>") -> bytes:
    return (
        "<package xmlns='http://www.idpf.org/2007/opf' version='3.0'>"
        "<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>T</dc:title></metadata>"
        f"<manifest>{''.join(items)}</manifest><spine>{spine}</spine></package>"
    ).encode()


def _item(href: str, item_id: str = "x", more: str = "") -> str:
    return f"<item id='{item_id}' href='{href}' media-type='application/xhtml+xml' {more}/>"


def _texts(path: Path) -> list[str]:
    return [text for page in read_epub(path).pages for text in page.paragraphs]


@pytest.mark.parametrize("up", ["../" * 12, "/", "file://", "..\\..\\", "%2e%2e/" * 12])
def test_no_path_leads_out_of_the_archive(make_epub: MakeEpub, tmp_path: Path, up: str) -> None:
    secret = tmp_path / "secret.xhtml"
    secret.write_text(f"<html><body><p>{_SECRET}</p></body></html>")
    href = up + str(secret).lstrip("/")
    book = make_epub("<p>x</p>", files={"EPUB/package.opf": _package(_item(href))})
    with pytest.raises(EpubError, match=r"not in the archive|in the reading order but not in"):
        read_epub(book)


def test_entries_that_point_out_of_the_archive_are_not_followed_or_written(
    make_epub: MakeEpub, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(_SECRET)
    book = make_epub("<p>Text.</p>")
    with zipfile.ZipFile(book, "a") as archive:
        link = zipfile.ZipInfo("EPUB/document-9.xhtml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
        archive.writestr("../../escaped.txt", "out")
        archive.writestr("/escaped.txt", "out")
    assert _texts(book) == ["Text."]
    assert not list(tmp_path.rglob("escaped.txt")) and not Path("/escaped.txt").exists()


def test_the_target_of_a_link_in_the_reading_order_is_not_read_aloud(make_epub: MakeEpub) -> None:
    book = make_epub("<p>Text.</p>", files={"EPUB/package.opf": _package(_item("link.xhtml"))})
    with zipfile.ZipFile(book, "a") as archive:
        link = zipfile.ZipInfo("EPUB/link.xhtml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(EpubError, match="is in the reading order but not in the archive"):
        read_epub(book)


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE html [<!ENTITY s SYSTEM 'file://{secret}'>]>",
        "<!DOCTYPE html [<!ENTITY % p SYSTEM 'file://{secret}'> %p;]>",
        "<!DOCTYPE html SYSTEM 'file://{secret}'>",
    ],
)
def test_external_entities_are_not_fetched(
    make_epub: MakeEpub, tmp_path: Path, doctype: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(_SECRET)
    page = doctype.format(secret=secret) + "<html><body><p>Text &s; more</p></body></html>"
    texts = _texts(make_epub("<p>x</p>", files={"EPUB/document-1.xhtml": page.encode()}))
    assert _SECRET not in " ".join(texts) and "Text" in texts[0]


def test_entities_that_multiply_are_not_expanded(make_epub: MakeEpub) -> None:
    levels = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
    page = f"<!DOCTYPE html [<!ENTITY e0 'ha'>{levels}]><html><body><p>a&e9;b</p></body></html>"
    package = page.replace("html>", "package>").encode()
    assert len(_texts(make_epub("<p>x</p>", files={"EPUB/document-1.xhtml": page.encode()}))) == 1
    with pytest.raises(EpubError):
        read_epub(make_epub("<p>x</p>", files={"EPUB/package.opf": package}))


def test_a_zip_bomb_takes_no_memory(make_epub: MakeEpub) -> None:
    bomb = make_epub("<p>x</p>", files={"EPUB/document-1.xhtml": bytes(256 << 20)})
    tracemalloc.start()
    with pytest.raises(EpubError, match="zip bomb"):
        read_epub(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(
    "page",
    [
        "<html><body><p>" + "." * 500_000 + "x</p></body></html>",
        "<!DOCTYPE html [" * 50_000 + "<html><body><p>x</p></body></html>",
        f"<html><body><p style='{'margin:' * 100_000}'>x</p></body></html>",
        f"<html><body><p style='margin:{'1' * 500_000}'>x</p></body></html>",
        "<html><body>"
        + "<h3>x</h3>" * 10_000
        + "<p role='doc-footnote'>1</p>" * 10_000
        + "<p>x</p>",
        "<html><body>"
        + "".join(f"<p>A word<a href='#n{n}'><sup>{n}</sup></a>.</p>" for n in range(1, 2_000))
        + "<ol>"
        + "".join(f"<li id='n{n}'>A note.</li>" for n in range(1, 2_000))
        + "</ol><p>x</p>",
        "<html><body><p>" + "A word<a href='#n'><sup>1</sup></a>. " * 3_000 + "</p><p>x</p>",
        "<html><head><style>"
        + "".join(f"div.k{n} > p span {{float:left}}" for n in range(2_900))
        + f"</style></head><body>{'<p><span>y</span></p>' * 20_000}<p>x</p>",
        f"<html><body><p>{'x' * 500_000}</p></body></html>",
        f"<html><body><p>a{chr(0x301) * 500_000}x</p></body></html>",
    ],
    ids=[
        "dots",
        "document types",
        "margins",
        "digits",
        "headings",
        "items of notes",
        "marks",
        "rules",
        "letters",
        "accents",
    ],
)
def test_repetitions_do_not_take_hours(make_epub: MakeEpub, page: str) -> None:
    files = {"EPUB/document-1.xhtml": page.encode()}
    book = read_epub(make_epub("<p>x</p>", files=files), "page-based")
    assert book.pages[0].paragraphs[-1].endswith("x")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("fallbacks", ["yx", "yzy"], ids=["whole", "behind the first"])
def test_items_that_stand_in_for_each_other_in_a_circle_end(
    make_epub: MakeEpub, fallbacks: str
) -> None:
    pictures = [
        f"<item id='{name}' href='{name}.png' media-type='image/png' fallback='{following}'/>"
        for name, following in zip("xyz", fallbacks, strict=False)
    ]
    files = {"EPUB/package.opf": _package(*pictures)}
    files |= {f"EPUB/{name}.png": b"a" for name in "xyz"}
    with pytest.raises(EpubError, match="No pages extracted"):
        read_epub(make_epub(files=files))


def test_a_document_named_twice_in_the_reading_order_is_read_once(make_epub: MakeEpub) -> None:
    spine = "<itemref idref='x'/>" * 3
    package = _package(_item("document-1.xhtml"), spine=spine)
    assert _texts(make_epub("<p>Once.</p>", files={"EPUB/package.opf": package})) == ["Once."]


def test_scripts_styles_and_hidden_text_are_not_spoken(make_epub: MakeEpub) -> None:
    body = (
        "<script>alert(1)</script><style>p {}</style><p hidden=''>hidden</p>"
        "<p style='display:none'>none</p><noscript>no script</noscript><p>Text.</p>"
    )
    assert _texts(make_epub(body)) == ["Text."]


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_book_is_read_or_refused_with_a_sentence(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "damaged.epub"
    if seed % 2:
        data = bytearray(sample_book().read_bytes())
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(sample_book()) as whole, zipfile.ZipFile(path, "w") as damaged:
            for name in whole.namelist():
                damaged.writestr(name, _damaged(bytearray(whole.read(name)), chance))
    for read in (read_epub, read_metadata, read_cover):
        sentence = "Read."
        try:
            read(path)
        except EpubError as error:
            sentence = str(error)
        assert sentence.endswith((".", ").")) and len(sentence) < 400


def _damaged(data: bytearray, chance: random.Random) -> bytes:
    harm = [b"<", b"&", b"\0", b"\xff\xfe", b"]]>", b"<![CDATA[", b"<!--", b'"', b"<p>" * 50]
    for _ in range(chance.randint(0, 3)):
        at = chance.randrange(len(data))
        data[at : at + chance.randint(0, 60)] = chance.choice(harm)
    return bytes(data)
