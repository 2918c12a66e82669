"""What can go wrong with the embedded server."""

from __future__ import annotations

from jetbull.errors import JetbullError

__all__ = ["FolderInUseError", "ServerStartError"]


class ServerStartError(JetbullError):
    """The nats-server program is missing, ended at once or did not answer in time."""


class FolderInUseError(ServerStartError):
    """Another process runs a server in the same data folder."""
