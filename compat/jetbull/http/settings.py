"""Settings of the HTTP interface, read from the environment."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from jetbull.errors import ConfigurationError
from jetbull.options import DEFAULT_PREFIX
from jetbull.settings import Settings

__all__ = ["ApiSettings"]


class ApiSettings(Settings):
    """Where the interface listens, which queue it serves and what it lets pass."""

    nats_url: str | None = None
    """`NATS_URL`; nats://localhost:4222 when not set."""
    prefix: str = Field(default=DEFAULT_PREFIX, min_length=1, validation_alias="JETBULL_PREFIX")
    queue: str = Field(default="audio-processing", min_length=1, validation_alias="JETBULL_QUEUE")
    host: str = Field(default="127.0.0.1", min_length=1, validation_alias="JETBULL_API_HOST")
    port: int = Field(default=3000, ge=0, le=65535)
    """`PORT`; 0 is a free one."""
    token: SecretStr | None = Field(default=None, validation_alias="JETBULL_API_TOKEN")
    """What callers must send as `Authorization: Bearer …`; None lets everybody in."""
    insecure: bool = Field(default=False, validation_alias="JETBULL_API_INSECURE")
    """Listen elsewhere than on loopback without a token all the same."""
    read_only: bool = Field(default=False, validation_alias="JETBULL_API_READ_ONLY")
    """Refuse all calls that change something."""
    origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="JETBULL_API_ORIGINS"
    )
    """Web origins besides its own whose pages may call, separated by commas."""
    max_body: int = Field(default=1_048_576, ge=1, validation_alias="JETBULL_API_MAX_BODY")
    """Bytes a request's body may have."""

    @field_validator("origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("token")
    @classmethod
    def _not_blank(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("must not be blank")
        return value

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the interface."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_exposure(self) -> None:
        """Raise ConfigurationError when others could reach the interface without a token."""
        if not (self.on_loopback or self.token or self.insecure):
            raise ConfigurationError(
                f"The interface would listen on {self.host} without a token: set "
                "JETBULL_API_TOKEN, listen on 127.0.0.1, or say --insecure."
            )
