"""Settings of the workload, read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL

__all__ = ["Settings"]


class Settings(BaseSettings):
    """Where books, audio and records live, and which voice speaks.

    Each field is read from the environment variable of its name in capitals (the
    variables of the original application), or from the `AUDIBOOK_...` variable named
    beside it. With nothing set everything is kept under `./data`. White space and quotation
    marks around a value, as files of variables and of secrets leave them, do not count.
    """

    # What is wrong is told by name alone: the values are shown where a job's failure is.
    model_config = SettingsConfigDict(
        extra="ignore",
        populate_by_name=True,
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(default=Path("data"), validation_alias="AUDIBOOK_DATA_DIR")
    """Folder of the embedded storage, catalogue and temporary files."""
    temp_dir: Path | None = Field(default=None, validation_alias="AUDIBOOK_TEMP_DIR")
    """Folder of the attempts' temporary folders; `data_dir/tmp` when not set."""

    database_url: SecretStr | None = None
    """PostgreSQL or SQLite URL; a SQLite file in `data_dir` when not set."""

    s3_bucket_name: str | None = None
    """Bucket of the object store; `audibook-storage` when only S3_ENDPOINT is set."""
    s3_endpoint: str | None = None
    """Address of an S3 server other than AWS; selects path-style addressing."""
    aws_region: str = "eu-central-1"
    aws_access_key_id: SecretStr | None = None
    aws_secret_access_key: SecretStr | None = None

    tts_model: str | None = Field(default=None, validation_alias="AUDIBOOK_TTS_MODEL")
    """Speech engine of books which name none; Azure when its key is set, else hibari."""
    azure_speech_key: SecretStr | None = None
    azure_speech_region: str = "westeurope"
    azure_speech_voice: str = "he-IL-AvriNeural"
    azure_speech_endpoint: str | None = None
    """Address of the speech service; made from the region when not set."""

    ffmpeg: Path | None = Field(default=None, validation_alias="AUDIBOOK_FFMPEG")
    """The ffmpeg program; searched on PATH, then in imageio-ffmpeg, when not set."""
    paragraph_pause_ms: int = Field(
        default=400, ge=0, le=10_000, validation_alias="AUDIBOOK_PARAGRAPH_PAUSE_MS"
    )
    """Silence in milliseconds at the end of each paragraph's audio."""
    chapter_pause_ms: int = Field(
        default=1500, ge=0, le=60_000, validation_alias="AUDIBOOK_CHAPTER_PAUSE_MS"
    )
    """Silence in milliseconds between the pages of a whole book."""

    phonikud_model_path: Path | None = None
    phonikud_tokenizer_path: Path | None = None
    dicta_model_path: Path | None = None
    dicta_tokenizer_path: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Mapping[str, object]) -> dict[str, object]:
        bare = {name: _unquoted(v) if isinstance(v, str) else v for name, v in given.items()}
        return {name: value for name, value in bare.items() if value != ""}

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> Self:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both or neither."
            )
        return self

    @property
    def uses_s3(self) -> bool:
        """Whether objects go to S3; otherwise to the folder `storage_dir`."""
        return self.s3_endpoint is not None or self.s3_bucket_name is not None

    @property
    def storage_dir(self) -> Path:
        """Folder of the embedded object storage."""
        return self.data_dir / "storage"

    @property
    def work_dir(self) -> Path:
        """Folder which holds one temporary folder per running attempt."""
        return self.temp_dir or self.data_dir / "tmp"

    @property
    def catalogue_url(self) -> str:
        """Database URL of the catalogue."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        path = (self.data_dir / "audibook.db").resolve()
        return URL.create("sqlite", database=str(path)).render_as_string()

    @property
    def default_tts_model(self) -> str:
        """Engine of a book which names none."""
        return self.tts_model or ("azure" if self.azure_speech_key else "hibari")


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if quoted else value
