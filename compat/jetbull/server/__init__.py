"""The embedded NATS server: JetStream on loopback, one folder, started and stopped from Python.

`embedded` is what callers use; `program` finds the binary, `config` writes its configuration,
`folder` sees to it that one server at a time works in a data folder; `errors` says what goes wrong.
"""

from __future__ import annotations

from .config import DEFAULT_PORT, default_data_folder
from .embedded import EmbeddedServer
from .errors import FolderInUseError, ServerStartError
from .program import find_nats_server

__all__ = [
    "DEFAULT_PORT",
    "EmbeddedServer",
    "FolderInUseError",
    "ServerStartError",
    "default_data_folder",
    "find_nats_server",
]
