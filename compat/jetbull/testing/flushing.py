"""An empty server for the next test."""

from __future__ import annotations

import re

from jetbull.connection import target_of
from jetbull.ledger import hub
from jetbull.ledger.credentials import client_options
from jetbull.ledger.messages.names import Space
from jetbull.ledger.streams.flushing import flush as flush_streams
from jetbull.ledger.streams.streams import all_prefix_streams
from jetbull.ledger.wire import Wire

_ADDRESS = re.compile(r"[^/]*://.*|[^:,/]+:[0-9]+(,.*)?", re.DOTALL)


async def flush(connection: object = None, prefix: str | None = None) -> None:
    """Empties everything jetbull keeps on the server; ids begin at 1 again.

    Without arguments the server of `NATS_URL`; with `prefix`, only what lies under it: also
    `flush("my-prefix")`, since no prefix looks like a server's address. Queues and workers that
    are open, here or in other processes, may be used on.
    """
    if isinstance(connection, str) and prefix is None and not _ADDRESS.fullmatch(connection):
        connection, prefix = None, connection
    target = target_of(connection)
    wire = await Wire.open(list(target.servers), **client_options(dict(target.options)))
    try:
        names = await all_prefix_streams(wire)
        if prefix is not None:
            names = [n for n in names if n in Space(prefix).streams]
        await flush_streams(wire, names)
    finally:
        await wire.close()
    hub.forget_ids(prefix)


__all__ = ["flush"]
