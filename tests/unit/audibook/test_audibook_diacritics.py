"""Diacritics: real ONNX models, as small as the rules they are to be tested with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing

from audibook import DiacriticsError, JobProcessor, Settings
from audibook.catalogue import AudioStatus, Catalogue
from audibook.diacritics import OnnxPointer, is_pointed, without_marks
from audibook.diacritics.hebrew import chunks
from audibook.speech.spoken import speakable

MakeEpub = Callable[..., Path]

_LETTERS = "אבגדהוזחטיךכלםמןנסעףפץצקרשת"
_VOCABULARY = {token: n for n, token in enumerate(["[UNK]", "[CLS]", "[SEP]", *_LETTERS, " ", "."])}
_MATRES, _DAGESH, _PATAH = 1, 2, 10
_CLASSES = 29


def _table(columns: int, chosen: dict[str, Sequence[int]]) -> np.ndarray:
    table = np.full((len(_VOCABULARY), columns), -1, np.float32)
    for token, classes in chosen.items():
        table[_VOCABULARY[token], list(classes)] = 1
    return table


def _write_model(path: Path, outputs: dict[str, np.ndarray]) -> None:
    """A model that looks up each token's answer in a table."""
    nodes = [helper.make_node("Gather", [f"{name}_table", "input_ids"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "pointer",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, None])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, table.shape[1]])
            for name, table in outputs.items()
        ],
        [numpy_helper.from_array(table, f"{name}_table") for name, table in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with a simple and a phonetic model and their tokenizer."""
    folder = tmp_path / "models"
    folder.mkdir()
    tokenizer = Tokenizer(WordLevel(_VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    vowels: dict[str, Sequence[int]] = {letter: [_PATAH] for letter in _LETTERS}
    vowels |= {"ו": [_MATRES], "י": [_MATRES], "ב": [_DAGESH], "ל": [0]}
    tables = {
        "nikud_logits": _table(_CLASSES, vowels),
        "shin_logits": _table(2, {"ש": [1]}),
    }
    _write_model(folder / "simple.onnx", tables)
    phonetic = _table(3, {"ם": [0], "ר": [1], "ה": [2]})
    _write_model(folder / "advanced.onnx", {**tables, "additional_logits": phonetic})
    return folder


def _pointer(models: Path, kind: str) -> OnnxPointer:
    return OnnxPointer(
        models / f"{kind}.onnx", models / "tokenizer.json", phonetic=kind == "advanced"
    )


def test_the_marks_of_the_model_are_put_on_the_letters(models: Path) -> None:
    pointed = _pointer(models, "simple").point("שלום, Bob! בית")
    assert pointed == "ש\u05c2\u05b7לום\u05b7, Bob! ב\u05bcית\u05b7"


def test_phonetic_marks_are_added_and_kept_from_the_voice(models: Path) -> None:
    pointed = _pointer(models, "advanced").point("הר ם")
    assert pointed == "ה\u05b7|ר\u05b7\u05bd ם\u05b7\u05ab"
    assert speakable(pointed) == "ה\u05b7ר\u05b7 ם\u05b7"


def test_a_text_longer_than_the_model_takes_is_pointed_whole(models: Path) -> None:
    text = "בית. " * 900
    pointed = _pointer(models, "simple").point(text)
    assert without_marks(pointed) == text
    assert pointed.count("ב\u05bc") == 900


def test_the_lengths_a_tokenizer_was_trained_with_do_not_count(models: Path) -> None:
    path = str(models / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=50)
    tokenizer.save(path)
    assert _pointer(models, "simple").point("בית. " * 3) == "ב\u05bcית\u05b7. " * 3


def test_pointed_text_is_recognised() -> None:
    assert is_pointed("שָׁלוֹם עוֹלָם")
    assert not is_pointed("שלום עולם")
    assert not is_pointed("מילה אחת בלבד נקודה סֵפֶר כאן בתוך המשפט הארוך הזה")
    assert not is_pointed("Hello")


def test_a_word_that_is_pointed_in_other_text_keeps_its_points(models: Path) -> None:
    text = "מר בָּרָק בית"
    assert _pointer(models, "simple").point(text) == "מ\u05b7ר\u05b7 בָּרָק ב\u05bcית\u05b7"


@pytest.mark.parametrize("stray", ["\u05bf", "\u05b3\u05bc"])
def test_a_mark_that_stands_on_no_letter_costs_a_text_none_of_its_marks(
    models: Path, stray: str
) -> None:
    for kind in ("simple", "advanced"):
        pointer = _pointer(models, kind)
        plain = pointer.point("גג  דד")
        assert pointer.point(f"גג {stray} דד") == plain
        assert pointer.point(f"{stray} גג  דד\n{stray}") == f" {plain}\n"


def test_letters_that_hold_their_marks_are_pointed_text(models: Path) -> None:
    assert is_pointed("\ufb31ר \ufb4bא")
    pointed = _pointer(models, "simple").point("\ufb31ר מר מר מר")
    assert pointed == "ב\u05bcר מ\u05b7ר\u05b7 מ\u05b7ר\u05b7 מ\u05b7ר\u05b7"


def test_long_text_is_cut_at_the_ends_of_sentences() -> None:
    english = "This is a sentence. Is it? Yes! " * 100
    pieces = chunks(english, 500)
    assert "".join(pieces) == english
    assert all(len(piece) <= 500 for piece in pieces)
    assert all(piece.rstrip()[-1] in ".!?" for piece in pieces[:-1])
    hebrew = "ויהי ערב ויהי בקר׃ " * 50 + "סוף։ " * 50
    assert all(piece.rstrip()[-1] in "׃։" for piece in chunks(hebrew, 100))
    assert all(len(piece) <= 100 for piece in chunks("word " * 1000, 100))
    for text in ("אבגד " * 50, "א" * 100 + " ב" * 100, f"סוף.{' ' * 250}ועוד"):
        assert max(map(len, chunks(text, 100))) <= 100 and "".join(chunks(text, 100)) == text
    assert [chunks(text, 100) for text in ("", "  ", "short")] == [[""], ["  "], ["short"]]


@pytest.fixture
def processor(settings: Settings, models: Path) -> Iterator[JobProcessor]:
    paths = {
        "dicta_model_path": models / "simple.onnx",
        "phonikud_model_path": models / "advanced.onnx",
    }
    with JobProcessor(settings.model_copy(update=paths)) as made:
        yield made


@pytest.fixture
def catalogue(settings: Settings) -> Iterator[Catalogue]:
    made = Catalogue(settings.catalogue_url)
    yield made
    made.close()


async def _parsed(processor: JobProcessor, epub: Path, **about: object) -> str:
    book = await processor.library.register(epub, metadata=about)
    await processor.process_epub_parsing({"bookId": book.id, "s3Key": book.s3_key})
    return book.id


_BODY = "<h1>שלום</h1><h2>English</h2><h3>שָׁלוֹם עוֹלָם</h3><h4>בית</h4>"


async def test_a_hebrew_book_is_pointed_and_its_audio_is_to_be_made_again(
    processor: JobProcessor, catalogue: Catalogue, make_epub: MakeEpub
) -> None:
    book_id = await _parsed(processor, make_epub(_BODY, language="he"))
    first = catalogue.paragraphs.of_book(book_id)[0]
    catalogue.paragraphs.finish_audio(first.id, "שלום", "key", 1.0)
    data = {"bookId": book_id, "correlationId": "c"}
    result = await processor.process_simple_diacritics(data)
    assert result.pop("total_duration_seconds") >= result.pop("processing_duration_seconds") >= 0
    assert result == {
        "status": "completed",
        "processed_count": 4,
        "error_count": 0,
        "success_rate_percentage": 100.0,
        "total_paragraphs": 4,
        "book_id": book_id,
        "correlation_id": "c",
    }
    paragraphs = catalogue.paragraphs.of_book(book_id)
    texts = [p.content for p in paragraphs]
    assert texts == ["ש\u05c2\u05b7לום\u05b7", "English", "שָׁלוֹם עוֹלָם", "ב\u05bcית\u05b7"]
    assert paragraphs[0].audio_status is AudioStatus.PENDING
    await processor.process_simple_diacritics(data)
    assert [p.content for p in catalogue.paragraphs.of_book(book_id)] == texts


async def test_audio_stays_where_the_model_changes_nothing(
    processor: JobProcessor, catalogue: Catalogue, make_epub: MakeEpub
) -> None:
    book_id = await _parsed(processor, make_epub("<p>לילו</p>", language="he"))
    paragraph = catalogue.paragraphs.of_book(book_id)[0]
    catalogue.paragraphs.finish_audio(paragraph.id, "לילו", "key", 1.0)
    result = await processor.process_simple_diacritics({"bookId": book_id})
    assert (result["processed_count"], result["error_count"]) == (1, 0)
    assert catalogue.paragraphs.of_book(book_id)[0].audio_status is AudioStatus.READY


async def test_completed_paragraphs_are_left_alone(
    processor: JobProcessor, catalogue: Catalogue, make_epub: MakeEpub
) -> None:
    book_id = await _parsed(processor, make_epub(_BODY, language="he"))
    await processor.library.approve(book_id)
    before = catalogue.paragraphs.of_book(book_id)
    await processor.process_advanced_diacritics({"bookId": book_id})
    assert catalogue.paragraphs.of_book(book_id) == before


async def test_the_books_own_kind_goes_before_the_jobs_name(
    processor: JobProcessor, catalogue: Catalogue, make_epub: MakeEpub
) -> None:
    book_id = await _parsed(
        processor, make_epub("<p>הר</p>", language="he"), diacriticsType="simple"
    )
    await processor.process_advanced_diacritics({"bookId": book_id})
    assert catalogue.paragraphs.of_book(book_id)[0].content == "ה\u05b7ר\u05b7"


async def test_only_the_named_paragraphs_are_pointed(
    processor: JobProcessor, catalogue: Catalogue, make_epub: MakeEpub
) -> None:
    book_id = await _parsed(processor, make_epub(_BODY, language="he"))
    last = catalogue.paragraphs.of_book(book_id)[3]
    data = {"bookId": book_id, "paragraphIds": [last.id]}
    assert (await processor.process_simple_diacritics(data))["total_paragraphs"] == 1
    assert catalogue.paragraphs.of_book(book_id)[0].content == "שלום"


async def test_a_book_without_paragraphs_has_nothing_to_point(
    processor: JobProcessor, make_epub: MakeEpub
) -> None:
    book = await processor.library.register(make_epub("<p>שלום</p>"))
    result = await processor.process_simple_diacritics({"bookId": book.id})
    assert result.pop("duration_seconds") >= 0
    assert result == {
        "status": "completed",
        "processed_count": 0,
        "error_count": 0,
        "message": "No paragraphs found",
    }


@pytest.mark.parametrize(
    ("name", "variable"),
    [("simple", "DICTA_MODEL_PATH"), ("advanced", "PHONIKUD_MODEL_PATH")],
)
async def test_a_missing_model_is_named_by_its_variable(
    settings: Settings, make_epub: MakeEpub, tmp_path: Path, name: str, variable: str
) -> None:
    with JobProcessor(settings) as processor:
        english = await _parsed(processor, make_epub("<p>Hello</p>", name="en.epub"))
        result = await processor.process_job(f"add-{name}-diacritics", {"bookId": english})
        assert result["processed_count"] == 1, "an English book needs no model"
        hebrew = await _parsed(processor, make_epub("<p>שלום</p>", language="he"))
        with pytest.raises(DiacriticsError, match=f"set {variable} to the model's .onnx file"):
            await processor.process_job(f"add-{name}-diacritics", {"bookId": hebrew})
    gone = {variable.lower(): tmp_path / "gone.onnx"}
    with (
        JobProcessor(settings.model_copy(update=gone)) as processor,
        pytest.raises(DiacriticsError, match=f"no file .*gone.onnx.*: set {variable}"),
    ):
        await processor.process_job(f"add-{name}-diacritics", {"bookId": hebrew})


async def test_a_job_whose_every_text_fails_has_failed(
    settings: Settings, catalogue: Catalogue, make_epub: MakeEpub
) -> None:
    class Failing:
        def pointer(self, kind: str) -> Failing:
            return self

        def point(self, text: str) -> str:
            raise DiacriticsError("The model is tired.")

    with JobProcessor(settings, diacritics=Failing()) as processor:
        book_id = await _parsed(processor, make_epub("<p>שלום</p>", language="he"))
        with pytest.raises(DiacriticsError, match=r"None of 1 texts .* The model is tired\."):
            await processor.process_simple_diacritics({"bookId": book_id})
    assert catalogue.paragraphs.of_book(book_id)[0].content == "שלום"


def test_files_that_are_no_model_or_tokenizer_are_named(models: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(DiacriticsError, match=r"'bad\.onnx' is no usable ONNX model"):
        OnnxPointer(tmp_path / "bad.onnx", models / "tokenizer.json", phonetic=False)
    with pytest.raises(DiacriticsError, match=r"'bad\.json' is no usable tokenizer"):
        OnnxPointer(models / "simple.onnx", tmp_path / "bad.json", phonetic=False)
    with pytest.raises(DiacriticsError, match="does not give additional_logits"):
        OnnxPointer(models / "simple.onnx", models / "tokenizer.json", phonetic=True)
