"""Settings and logs: the original's variables, local defaults, and no secrets shown."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from audibook import Settings, UnrecoverableError
from audibook.catalogue import Catalogue
from audibook.logs import job_logger
from audibook.storage import DirectoryStorage, S3Storage, open_storage


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("AUDIBOOK_DATA_DIR", "AUDIBOOK_TEMP_DIR", "DATABASE_URL", "S3_ENDPOINT"),
        *("S3_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_SPEECH_KEY"),
    ):
        monkeypatch.delenv(name, raising=False)


def test_without_any_variable_everything_is_under_data() -> None:
    settings = Settings()
    assert make_url(settings.catalogue_url).database == str(Path("data/audibook.db").resolve())
    assert settings.storage_dir == Path("data/storage")
    assert settings.work_dir == Path("data/tmp")
    assert not settings.uses_s3
    assert settings.default_tts_model == "hibari"


def test_the_original_variables_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@db/x?schema=public")
    monkeypatch.setenv("S3_BUCKET_NAME", "books")
    monkeypatch.setenv("S3_ENDPOINT", "http://localhost:9000")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AZURE_SPEECH_KEY", "hunter2")
    settings = Settings()
    assert settings.catalogue_url.startswith("postgresql://")
    assert settings.default_tts_model == "azure"
    assert "hunter2" not in repr(settings)
    storage = open_storage(settings)
    assert isinstance(storage, S3Storage)
    storage.close()
    monkeypatch.delenv("S3_BUCKET_NAME")
    monkeypatch.setenv("S3_ENDPOINT", "")
    assert isinstance(open_storage(Settings(data_dir=tmp_path)), DirectoryStorage)


def test_half_a_pair_of_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    with pytest.raises(ValidationError, match="belong together"):
        Settings()


def test_a_log_record_has_the_ids_of_the_job_that_are_known(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = job_logger({"jobId": "7", "correlationId": "c-1", "pageId": None})
    with caplog.at_level(logging.INFO, logger="audibook"):
        log.info("spoke %d words", 5, extra={"seconds": 2.5})
    (record,) = caplog.records
    assert record.getMessage() == "spoke 5 words"
    told = {"jobId": "7", "correlationId": "c-1", "seconds": 2.5}
    assert told.items() <= vars(record).items()
    assert "pageId" not in vars(record)


@pytest.mark.parametrize("name", ["50%20 off", "what?", "a#b", "ספרים"])
def test_the_catalogue_lies_in_the_data_folder_whatever_its_name(tmp_path: Path, name: str) -> None:
    Catalogue(Settings(data_dir=tmp_path / name).catalogue_url).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "audibook.db").is_file()


def test_what_is_wrong_with_the_settings_is_told_without_their_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AZURE_SPEECH_KEY", "hunter2")
    with pytest.raises(ValidationError, match="belong together") as half:
        Settings()
    monkeypatch.setenv("AUDIBOOK_PARAGRAPH_PAUSE_MS", "hunter2")
    with pytest.raises(ValidationError, match="AUDIBOOK_PARAGRAPH_PAUSE_MS") as wrong:
        Settings()
    assert "hunter2" not in f"{half.value}{wrong.value}"


@pytest.mark.parametrize("written", ["{}\n", '"{}"', "'{}'", ' "{} " '])
def test_white_space_and_quotation_marks_around_a_setting_do_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    given = {
        "AUDIBOOK_DATA_DIR": str(tmp_path / "my books"),
        "AUDIBOOK_PARAGRAPH_PAUSE_MS": "250",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AZURE_SPEECH_KEY": "hunter2",
        "S3_ENDPOINT": "http://localhost:9000",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, written.format(value))
    monkeypatch.setenv("S3_BUCKET_NAME", " ")
    settings = Settings()
    assert (settings.data_dir, settings.paragraph_pause_ms) == (tmp_path / "my books", 250)
    assert settings.azure_speech_key is not None
    assert settings.azure_speech_key.get_secret_value() == "hunter2"
    assert (settings.s3_endpoint, settings.s3_bucket_name) == ("http://localhost:9000", None)
    open_storage(settings).close()


@pytest.mark.parametrize(
    "wrong", [{"s3_endpoint": "localhost:9000"}, {"s3_bucket_name": "b", "aws_region": "eu 1"}]
)
def test_an_object_store_without_an_address_is_told_by_the_names_of_its_settings(
    wrong: dict[str, str],
) -> None:
    with pytest.raises(UnrecoverableError, match="Write S3_ENDPOINT as http"):
        open_storage(Settings.model_validate(wrong))
