"""The end of a connection that nobody can close any more, because its event loop has ended."""

from __future__ import annotations

import socket
from contextlib import suppress

from jetbull.ledger.wire.connection import Connection


def hang_up(connection: Connection) -> None:
    """Tells the server by the socket alone; its file goes with the last reference to it."""
    writer = getattr(connection._client._transport, "_io_writer", None)
    if writer is None:
        return
    # A loop of another kind may have closed its sockets itself, or not lend them at all.
    with suppress(AttributeError, OSError, TypeError):
        writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


__all__ = ["hang_up"]
