"""Audio of pages and paragraphs goes with the text it was made of."""

from __future__ import annotations

import pytest
from tests.contract.audibook.books import PAGES, add_book

from audibook import TextChangedError
from audibook.catalogue import AudioStatus, Catalogue


def test_audio_goes_from_pending_over_generating_to_ready(catalogue: Catalogue) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    page = catalogue.pages.of_book("b")[0]
    catalogue.paragraphs.start_audio(paragraph.id)
    catalogue.pages.start_audio(page.id)
    assert catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.GENERATING
    assert catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k1", 1.5) is None
    assert catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k1", 1.5) is None
    assert catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k2", 1.25) == "k1"
    assert catalogue.pages.finish_audio(page.id, "p1", 3.0) is None
    assert catalogue.pages.finish_audio(page.id, "p2", 3.0) == "p1"
    row = catalogue.paragraphs.get(paragraph.id)
    assert (row.audio_status, row.audio_s3_key) == (AudioStatus.READY, "k2")
    assert row.audio_duration == 1.25


def test_only_audio_that_is_being_made_can_be_stopped(catalogue: Catalogue) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    page = catalogue.pages.of_book("b")[0]
    for rows, row_id in ((catalogue.paragraphs, paragraph.id), (catalogue.pages, page.id)):
        rows.start_audio(row_id)
        rows.stop_audio(row_id, AudioStatus.ERROR)
        assert rows.get(row_id).audio_status is AudioStatus.ERROR
        rows.stop_audio(row_id, AudioStatus.PENDING)
        assert rows.get(row_id).audio_status is AudioStatus.ERROR


def test_audio_of_another_text_is_not_taken(catalogue: Catalogue) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    with pytest.raises(TextChangedError, match="was edited"):
        catalogue.paragraphs.finish_audio(paragraph.id, "Another.", "k", 1.0)
    assert catalogue.paragraphs.get(paragraph.id).audio_s3_key is None


def test_text_is_replaced_unless_completed_or_changed(catalogue: Catalogue) -> None:
    add_book(catalogue)
    catalogue.save_pages("b", PAGES, {})
    paragraph = catalogue.paragraphs.of_book("b")[0]
    catalogue.paragraphs.finish_audio(paragraph.id, "One.", "k", 1.0)
    assert catalogue.paragraphs.replace_text(paragraph.id, "One.", "Eins.")
    assert catalogue.paragraphs.get(paragraph.id).audio_status is AudioStatus.PENDING
    assert not catalogue.paragraphs.replace_text(paragraph.id, "One.", "Uno.")
    assert catalogue.paragraphs.mark_completed("b") == 3
    assert catalogue.paragraphs.mark_completed("b") == 0
    assert not catalogue.paragraphs.replace_text(paragraph.id, "Eins.", "Uno.")
    assert not catalogue.paragraphs.replace_text("nobody", "Eins.", "Uno.")
    assert catalogue.paragraphs.get(paragraph.id).content == "Eins."
