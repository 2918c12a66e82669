"""Job data: both forms are taken, further fields kept, wrong fields named."""

from __future__ import annotations

import pytest

from audibook import InvalidJobDataError, UnknownJobError, read_job_data
from audibook.messages import GenerateAudio, ParseEpub


def test_the_flat_form_and_the_envelope_give_the_same_data() -> None:
    flat = read_job_data("parse-epub", {"bookId": "b", "s3Key": "raw/x.epub"})
    nested = read_job_data(
        "parse-epub",
        {"jobId": "1", "jobName": "parse-epub", "data": {"bookId": "b", "s3Key": "raw/x.epub"}},
    )
    assert isinstance(flat, ParseEpub)
    assert flat == nested
    assert (flat.book_id, flat.s3_key, flat.parsing_method) == ("b", "raw/x.epub", None)


def test_the_envelope_lends_its_correlation_id_unless_the_data_has_one() -> None:
    def correlation(inner: dict[str, object]) -> str | None:
        data = {"paragraphId": "p", "bookId": "b", **inner}
        envelope = {"jobId": "1", "data": data, "correlationId": "outer", "timestamp": "now"}
        return read_job_data("generate-audio", envelope).correlation_id

    assert correlation({}) == "outer"
    assert correlation({"correlationId": "inner"}) == "inner"


def test_what_is_only_logged_or_ignored_fails_no_job() -> None:
    data = {"pageId": "p", "bookId": "b", "correlationId": 7, "audioFileKeys": [None]}
    assert read_job_data("combine-page-audio", data).correlation_id == "7"


def test_further_fields_are_kept() -> None:
    data = read_job_data("generate-audio", {"paragraphId": "p", "bookId": "b", "userId": 7})
    assert isinstance(data, GenerateAudio)
    assert data.model_dump(by_alias=True)["userId"] == 7


def test_every_wrong_field_gets_one_sentence() -> None:
    with pytest.raises(InvalidJobDataError) as caught:
        read_job_data("parse-epub", {"s3Key": 5, "parsingMethod": "magic", "correlationId": []})
    assert caught.value.problems == [
        "correlationId must be a string, not a list.",
        "bookId is required.",
        "s3Key must be a string, not a number.",
        "parsingMethod must be 'xhtml-based' or 'page-based', not 'magic'.",
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"pageId": " ", "bookId": "b"}, "pageId must not be empty."),
        ({"pageId": None, "bookId": "b"}, "pageId must be a string, not null."),
        (
            {"pageId": "p", "bookId": "b", "skipReady": "yes"},
            "skipReady must be true or false, not a string.",
        ),
        (
            {"pageId": "p\0", "bookId": "b"},
            "pageId must be text that can be stored, not 'p\\x00'.",
        ),
        (
            {"pageId": "p", "bookId": "\ud800"},
            "bookId must be text that can be stored, not '\\ud800'.",
        ),
        ("text", "The data of 'combine-page-audio' must be an object, not a string."),
        (None, "The data of 'combine-page-audio' must be an object, not null."),
    ],
)
def test_the_sentence_says_what_is_wrong(data: object, sentence: str) -> None:
    with pytest.raises(InvalidJobDataError) as caught:
        read_job_data("combine-page-audio", data)
    assert str(caught.value) == sentence


def test_an_unknown_job_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownJobError, match=r"no job 'parse-pdf'.*parse-epub"):
        read_job_data("parse-pdf", {})
