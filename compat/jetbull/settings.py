"""What all settings have in common that are read from the environment."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """Settings of a command.

    White space around a value does not count: files of variables leave some, and line ends of
    Windows would make a queue's name another one.
    """

    model_config = SettingsConfigDict(
        extra="ignore", populate_by_name=True, frozen=True, env_ignore_empty=True
    )

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Mapping[str, object]) -> dict[str, object]:
        return {name: v.strip() if isinstance(v, str) else v for name, v in given.items()}
