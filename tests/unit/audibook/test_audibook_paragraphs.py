"""Sentences and paragraphs: cut at the right places, and nothing lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audibook.epub.blocks import Block
from audibook.epub.paragraphs import ParagraphSizes, make_paragraphs
from audibook.epub.sentences import cut_to_length, split_sentences

_TEXT = st.text(alphabet="abcדהوي。! ?.,;:…׃\"')Dr1 \u0301\u05b7", max_size=400)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Pi is 3.14 today. Yes.", ["Pi is 3.14 today.", "Yes."]),
        ("Dr. Smith met J. K. Rowling at 5 p.m. in St. Ives. Good.",
         ["Dr. Smith met J. K. Rowling at 5 p.m. in St. Ives.", "Good."]),
        ("כתב ח. נ. ביאליק. סוף.", ["כתב ח. נ. ביאליק.", "סוף."]),
        ("Написал А. С. Пушкин. Это я. Конец", ["Написал А. С. Пушкин.", "Это я.", "Конец"]),
        ("“Stop!” he said. “Why?” She left.", ["“Stop!” he said.", "“Why?”", "She left."]),
        ("So it was I. Then (he left.) Done.", ["So it was I.", "Then (he left.)", "Done."]),
        ("Wait … what? ... and so on. End.", ["Wait … what? ... and so on.", "End."]),
        ("בראשית ברא׃ והארץ היתה. סוף", ["בראשית ברא׃", "והארץ היתה.", "סוף"]),
        ("ما هو؟ لا أعرف. نعم", ["ما هو؟", "لا أعرف.", "نعم"]),
        ("你好。再见！好？", ["你好。", "再见！", "好？"]),
        ("The U.S. army came. OK.", ["The U.S. army came.", "OK."]),
        ("Am 3. Oktober kam er. Im 19. Jahrhundert? Er war 12. August nicht mehr.",
         ["Am 3. Oktober kam er.", "Im 19. Jahrhundert?", "Er war 12. August nicht mehr."]),
        ("1. Sun. 2. Moon. In 1999. Then", ["1. Sun.", "2. Moon.", "In 1999.", "Then"]),
        ("Он жил в г. Москве на ул. Ленина. Да", ["Он жил в г. Москве на ул. Ленина.", "Да"]),
        ("El Sr. García vino. Sí", ["El Sr. García vino.", "Sí"]),
        ("នេះ។ ពីរ", ["នេះ។", "ពីរ"]),
        ("ဒီဟာ။ နောက်", ["ဒီဟာ။", "နောက်"]),
        ("値は３．１４である．次｡終", ["値は３．１４である．", "次｡", "終"]),
        ("no end at all", ["no end at all"]),
        ("", []),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_pauses(text: str, sentences: list[str]) -> None:
    assert [sentence.strip() for sentence in split_sentences(text)] == sentences


@given(_TEXT)
def test_the_sentences_together_are_the_text(text: str) -> None:
    assert "".join(split_sentences(text)) == text


@given(_TEXT, st.integers(2, 60))
def test_the_pieces_of_a_long_sentence_are_short_and_together_the_sentence(
    text: str, longest: int
) -> None:
    pieces = cut_to_length(text, longest)
    assert "".join(pieces) == text
    assert all(len(piece.rstrip()) <= longest for piece in pieces)


def test_a_long_sentence_is_cut_after_a_clause_then_at_a_space_then_anywhere() -> None:
    assert cut_to_length("one two three, four five six", 20) == ["one two three, ", "four five six"]
    assert cut_to_length("one two three four", 10) == ["one two ", "three four"]
    assert cut_to_length("at 1:0:0, 3,14 and on", 16) == ["at 1:0:0, ", "3,14 and on"]
    assert cut_to_length("sum 12,345,678 and", 12) == ["sum ", "12,345,678 ", "and"]
    assert cut_to_length("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert cut_to_length("ab\u0301c", 2) == ["a", "b\u0301", "c"]
    assert cut_to_length("กิกิกิ", 3) == ["กิ", "กิ", "กิ"]


@given(st.lists(_TEXT, max_size=8), st.integers(5, 80), st.integers(1, 20))
def test_no_character_is_lost_on_the_way_to_paragraphs(
    chunks: list[str], characters: int, words: int
) -> None:
    sizes = ParagraphSizes(characters, words, longest=100)
    paragraphs = make_paragraphs(chunks, sizes)
    assert "".join("".join(paragraphs).split()) == "".join("".join(chunks).split())
    assert all(0 < len(paragraph) <= 100 for paragraph in paragraphs)


@pytest.mark.parametrize(("characters", "words"), [(50, 10), (30, 5)])
@pytest.mark.parametrize(
    "text",
    [
        "The sun rose over the hills. Birds began to sing! Who heard them? Nobody was awake yet.",
        "השמש זרחה מעל הגבעות. הציפורים החלו לשיר! מי שמע אותן?",
    ],
)
def test_a_text_over_the_targets_becomes_paragraphs_that_end_with_a_sentence(
    text: str, characters: int, words: int
) -> None:
    paragraphs = make_paragraphs([text], ParagraphSizes(characters, words))
    assert len(paragraphs) > 1
    assert all(paragraph[-1] in ".!?" for paragraph in paragraphs)


def test_short_blocks_are_joined_by_a_space_and_blank_ones_ignored() -> None:
    assert make_paragraphs(["a", " ", "b", "", "c"]) == ["a b c"]
    assert make_paragraphs([]) == []
    assert make_paragraphs([" ", "\n"]) == []


def test_a_heading_is_a_paragraph_of_its_own() -> None:
    blocks = [Block("Chapter 1", level=1), Block("It began."), Block("It went on.")]
    assert make_paragraphs(blocks) == ["Chapter 1", "It began. It went on."]


def test_one_target_reached_is_enough_to_begin_a_new_paragraph() -> None:
    many_words = "Go on. " * 100
    assert all(len(p.split()) <= 150 for p in make_paragraphs([many_words]))
    long_words = ("X" * 60 + ". ") * 20
    assert all(len(p) <= 600 for p in make_paragraphs([long_words]))


def test_a_sentence_without_an_end_is_bounded() -> None:
    assert all(len(p) <= 1000 for p in make_paragraphs(["word " * 2000, "x" * 5000]))


def test_a_long_chapter_is_cut_in_no_time() -> None:
    started = time.monotonic()
    paragraphs = make_paragraphs(["This is a sentence of the text. " * 180])
    assert len(paragraphs) > 9
    assert time.monotonic() - started < 2
