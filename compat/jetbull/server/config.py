"""The configuration file of the embedded server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetbull.environment import variable

__all__ = ["DEFAULT_PORT", "LOOPBACK", "configuration", "default_data_folder"]

DEFAULT_PORT = 4222
LOOPBACK = "127.0.0.1"
_ANY_FREE_PORT = -1
_LARGEST_BATCH = 1_000_000  # messages; the server's own default is 1,000


def default_data_folder() -> Path:
    """`JETBULL_DATA`, else `./data/nats`."""
    return Path(variable("JETBULL_DATA") or "data/nats")


def configuration(
    folder: Path,
    *,
    host: str,
    port: int,
    monitor_port: int | None,
    sync: str | None,
    extra: Mapping[str, Any],
) -> str:
    """The text of the configuration: JSON, which nats-server reads.

    `port` 0 lets the server pick a free one. `sync` is JetStream's `sync_interval`
    ("always" or a duration such as "10s"). `extra` holds further top-level settings.
    """
    jetstream: dict[str, Any] = {
        "store_dir": str(folder / "store"),
        "limits": {"batch": {"max_msgs": _LARGEST_BATCH}},
    }
    if sync is not None:
        jetstream["sync_interval"] = sync
    settings: dict[str, Any] = {
        "host": host,
        "port": port or _ANY_FREE_PORT,
        "jetstream": jetstream,
        "log_file": str(folder / "nats.log"),
        "ports_file_dir": str(folder),
    }
    if monitor_port is not None:
        settings["http"] = f"{host}:{monitor_port or _ANY_FREE_PORT}"
    # The server knows no \u, with which letters of other scripts would be written.
    return json.dumps({**settings, **extra}, indent=2, ensure_ascii=False) + "\n"
