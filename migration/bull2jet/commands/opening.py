"""Both servers, opened as the options say and closed whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import anyio

from bull2jet.options import Options
from bull2jet.source.address import parse
from bull2jet.source.door import Door, open_door
from bull2jet.target.jetstream import open_target
from bull2jet.target.protocol import Target

_PATIENCE = 5.0  # seconds to say goodbye


@contextlib.asynccontextmanager
async def redis_of(options: Options, *, writable: bool = False) -> AsyncIterator[Door]:
    """The Redis server; `SourceError` when it cannot be used."""
    door = await open_door(parse(options.redis), writable=writable)
    door.pace.limit = door.pace.size = options.batch
    door.pace.rate = options.rate
    try:
        yield door
    finally:
        with anyio.move_on_after(_PATIENCE, shield=True):
            await door.close()


@contextlib.asynccontextmanager
async def nats_of(options: Options) -> AsyncIterator[Target]:
    """The NATS server; `TargetError` when it cannot be used."""
    target = await open_target(options.to)
    try:
        yield target
    finally:
        with anyio.move_on_after(_PATIENCE, shield=True):
            await target.close()


__all__ = ["nats_of", "redis_of"]
