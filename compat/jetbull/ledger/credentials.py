"""Who we are to the server: what callers give becomes what nats-py takes.

Files are named, not read, until a connection is made, so that equal settings share a connection
and a rotated certificate or credentials file counts from the next connection on.
"""

from __future__ import annotations

import importlib.util
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetbull.errors import ConfigurationError

FILES = {
    "tls_ca": "NATS_CA",
    "tls_cert": "NATS_CERT",
    "tls_key": "NATS_KEY",
    "user_credentials": "NATS_CREDS",
    "nkeys_seed": "NATS_NKEY",
}
"""The options that name a file, and their variables of the environment."""
_SIGNED = ("user_credentials", "nkeys_seed", "nkeys_seed_str")


def client_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options for a connection; ConfigurationError names a file that cannot be used."""
    options = dict(given)
    for name, variable in FILES.items():
        path = options.get(name)
        if isinstance(path, str | Path) and not _is_file(path):
            if name in _SIGNED and not _is_like_a_path(str(path)):
                raise ConfigurationError(
                    f"connection.{name} ({variable}) is not the path of a file: "
                    "correct it or leave it out."
                )
            raise ConfigurationError(
                f"connection.{name} ({variable}) names {path}, which is no file: "
                "correct it or leave it out."
            )
    signed = next((name for name in _SIGNED if options.get(name)), None)
    if signed is not None and importlib.util.find_spec("nkeys") is None:
        raise ConfigurationError(
            f"connection.{signed} needs the package nkeys: pip install 'jetbull[nkeys]'."
        )
    ca, cert, key = (options.pop(name, None) for name in ("tls_ca", "tls_cert", "tls_key"))
    if key and not cert:
        raise ConfigurationError("connection.tls_key needs tls_cert, the certificate of the key.")
    if (ca or cert) and "tls" not in options:
        options["tls"] = _context(ca, cert, key)
    return options


def _is_file(path: str | Path) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, or not to be read
        return False


def _is_like_a_path(text: str) -> bool:
    """Whether it may be shown: no seed and no token has a slash, and credentials are many lines."""
    return os.sep in text and "\n" not in text


def _context(ca: str | None, cert: str | None, key: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert:
            context.load_cert_chain(cert, key)
    except (OSError, ValueError) as error:
        files = ", ".join(str(name) for name in (ca, cert, key) if name)
        raise ConfigurationError(
            f"The TLS files {files} cannot be used: {error}. They must be PEM."
        ) from error
    return context


__all__ = ["FILES", "client_options"]
